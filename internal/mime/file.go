package mime

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// lineBytes is what a line of base64 stands for: 76 characters (RFC 2045, 6.8).
const lineBytes = 57

// EncodeFile is a file as the body of a part. It takes 78/57 of the file's size.
func EncodeFile(content []byte) []byte {
	lines := (len(content) + lineBytes - 1) / lineBytes
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(content))+max(0, lines-1)*len(crlf))
	for len(content) > lineBytes {
		out = base64.StdEncoding.AppendEncode(out, content[:lineBytes])
		out = append(out, crlf...)
		content = content[lineBytes:]
	}
	return base64.StdEncoding.AppendEncode(out, content)
}

// Attachment is a file to go with a mail, of a body that EncodeFile made. The error is of kind fault.GiveUp: a
// media type that cannot stand in a header.
func Attachment(name, mediaType string, body []byte) (*channel.File, error) {
	return file("attachment", name, mediaType, "", body)
}

// Inline is an image to be shown in a mail's HTML, which names it as "cid:" and its content id (RFC 2392). The
// error is as for Attachment, and for a content id that is none.
func Inline(name, mediaType, contentID string, body []byte) (*channel.File, error) {
	if contentID == "" {
		return nil, fault.New(fault.GiveUp, "invalid_header", "An image in a mail needs a content id.")
	}
	return file("inline", name, mediaType, contentID, body)
}

func file(disposition, name, mediaType, contentID string, body []byte) (*channel.File, error) {
	if mediaType == "" || len(mediaType) > foldAt*2 || !clean(mediaType) {
		return nil, fault.New(fault.GiveUp, "invalid_header", "The media type of a file is not one.")
	}
	var h header
	h.begin("Content-Type")
	h.words(mediaType)
	h.end()
	h.token("Content-Transfer-Encoding", "", "base64", "")
	if contentID != "" {
		h.token("Content-ID", "<", contentID, ">")
	}
	h.begin("Content-Disposition")
	h.buf = append(h.buf, disposition...)
	h.filename(cleanText(name))
	h.end()
	h.end()
	if h.err != nil {
		return nil, h.err
	}
	return &channel.File{Header: h.buf, Body: body}, nil
}

// filename writes the parameter (RFC 2183, 2.3): in quotes if it is short ASCII, else as RFC 2231 has it, in
// UTF-8 and, if it is long, in numbered pieces, one on each line.
func (h *header) filename(name string) {
	if name == "" {
		return
	}
	if quoted := quote(name); clean(name) && len(quoted)+len(" filename=") <= encodeAt {
		h.parameter("filename=" + quoted)
		return
	}
	const charset, room = "utf-8''", encodeAt - len(" filename*99*=utf-8'';")
	pieces := percentEncoded(name, room)
	for i, piece := range pieces {
		attribute := "filename*" + strconv.Itoa(i) + "*="
		if len(pieces) == 1 {
			attribute = "filename*="
		}
		if i == 0 {
			attribute += charset
		}
		h.parameter(attribute + piece)
	}
}

// parameter begins a line of its own.
func (h *header) parameter(text string) {
	h.buf = append(h.buf, "; "...)
	h.fold()
	h.buf = append(h.buf, text...)
}

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + quoter.Replace(s) + `"` }

const upperHex = "0123456789ABCDEF"

// asIs reports the characters that RFC 2231 leaves as they are: attribute-char of section 7.
func asIs(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$&+-.^_`{|}~", r)
}

// percentEncoded is s in pieces of at most room characters. No character of s is divided between two.
func percentEncoded(s string, room int) []string {
	var pieces []string
	piece := make([]byte, 0, room)
	for _, r := range s {
		char := utf8.AppendRune(nil, r)
		if !asIs(r) {
			encoded := make([]byte, 0, utf8.UTFMax*len("%00"))
			for _, b := range char {
				encoded = append(encoded, '%', upperHex[b>>4], upperHex[b&15])
			}
			char = encoded
		}
		if len(piece)+len(char) > room {
			pieces, piece = append(pieces, string(piece)), piece[:0]
		}
		piece = append(piece, char...)
	}
	return append(pieces, string(piece))
}
