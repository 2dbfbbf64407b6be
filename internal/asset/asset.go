// Package asset says what an uploaded file is: its name, its media type and its size, and which files may go
// with a mail or be shown in one. Files never change: another content is another asset.
package asset

import (
	"crypto/sha256"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const (
	// MaxSize is the size of one file in bytes.
	MaxSize = 10 << 20
	// MaxTotal is the size of all files of one mail in bytes, attachments and images. In base64 they take 37 %
	// more, 14 MB. Amazon SES takes mails of 40 MB (https://docs.aws.amazon.com/ses/latest/dg/quotas.html), but
	// many receivers stop at 20 to 25 MB, and a call to a provider has 10 seconds.
	MaxTotal = 10 << 20
	// MaxName is the length of a name in bytes: what file systems take.
	MaxName = 255
	// maxType is twice what a registered type may take (RFC 6838, 4.2), for parameters.
	maxType = 150
)

// Asset is what is known of an uploaded file. Values are made by New or read from the store.
type Asset struct {
	// ID is the store's key, 0 if not stored yet; UID is what the API shows.
	ID  int64
	UID ident.UID
	// Name is a file name without folders; MediaType is as in the header Content-Type.
	Name, MediaType string
	// Size is in bytes.
	Size      int64
	SHA256    [sha256.Size]byte
	CreatedAt time.Time
}

// New makes an asset of an untrusted upload. The error is of kind fault.Invalid and holds everything that is
// wrong, at /name, /media_type and /content.
func New(name, mediaType string, content []byte) (Asset, error) {
	var f fault.Fields
	a := Asset{Name: strings.TrimSpace(name), Size: int64(len(content)), SHA256: sha256.Sum256(content)}
	checkName(&f, a.Name)
	a.MediaType = parseType(&f, mediaType)
	switch {
	case len(content) == 0:
		f.Add("/content", "required", "A file has at least one byte.")
	case len(content) > MaxSize:
		f.Add("/content", "too_large", "A file has at most %d bytes.", MaxSize)
	case a.Image() && http.DetectContentType(content) != a.MediaType:
		f.Add("/content", "wrong_type", "The bytes are not those of %s.", a.MediaType)
	}
	return a, f.Err()
}

// Images are the media types that mails and public pages show: what mail clients display, and nothing that a
// browser would run.
func Images() []string { return []string{"image/png", "image/jpeg", "image/gif", "image/webp"} }

// Image reports whether the file is an image that mails and public pages may show. That its bytes are what
// they say was checked by New.
func (a Asset) Image() bool { return slices.Contains(Images(), a.MediaType) }

func checkName(f *fault.Fields, name string) {
	switch {
	case name == "":
		f.Add("/name", "required", "A file has a name, such as report.pdf.")
	case len(name) > MaxName:
		f.Add("/name", "too_long", "A name has at most %d bytes.", MaxName)
	case !utf8.ValidString(name):
		f.Add("/name", "encoding", "A name is valid UTF-8.")
	case strings.ContainsAny(name, `/\`) || strings.Trim(name, ".") == "":
		f.Add("/name", "format", "A name has no folders in it.")
	case strings.ContainsFunc(name, hides):
		f.Add("/name", "format", "A name has no control characters, and none that change the direction of writing.")
	case refused(name):
		f.Add("/name", "not_allowed", "Mail services refuse files of the type .%s, for what they can do to a reader.", extension(name))
	}
}

// hides reports characters that make a name look like another: gpj.exe read from right to left.
func hides(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// parseType is a media type in its normal form.
func parseType(f *fault.Fields, text string) string {
	kind, parameters, err := mime.ParseMediaType(text)
	main, sub, _ := strings.Cut(kind, "/")
	normal := mime.FormatMediaType(kind, parameters)
	switch {
	case err != nil || main == "" || sub == "" || normal == "" || len(normal) > maxType:
		f.Add("/media_type", "format", "A media type is like application/pdf or text/csv; charset=utf-8.")
	case main == "multipart" || main == "message":
		// They may not be encoded in base64 (RFC 2045, 6.4).
		f.Add("/media_type", "not_allowed", "A message, or one in parts, cannot go with another: zip it.")
	case slices.Contains(Images(), kind):
		return kind
	}
	return normal
}
