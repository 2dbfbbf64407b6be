package mime

import (
	"iter"

	"github.com/presswork/presswork/internal/channel"
)

// RFC 2387 lets the part to be shown be named by "start"; without it, it is the first one, which every reader
// agrees on. "type" has to be said.
const (
	mixedParts   = "Content-Type: multipart/mixed;\r\n boundary=\"" + mixedBoundary + "\"\r\n\r\n--" + mixedBoundary + crlf
	relatedParts = "Content-Type: multipart/related; type=\""
	relatedStart = "\";\r\n boundary=\"" + relatedBoundary + "\"\r\n\r\n--" + relatedBoundary + crlf
)

// The pieces between files. They are never written to.
var (
	relatedNext = []byte("\r\n--" + relatedBoundary + crlf)
	relatedEnd  = []byte("\r\n--" + relatedBoundary + "--" + crlf)
	mixedNext   = []byte("\r\n--" + mixedBoundary + crlf)
	mixedEnd    = []byte("\r\n--" + mixedBoundary + "--" + crlf)
)

// related reports whether the mail has images that its HTML shows; without HTML nothing could.
func related(mail *channel.Mail) bool { return len(mail.Inline) > 0 && mail.HTML.Len() > 0 }

// rootType is the type of the part that the images belong to.
func rootType(mail *channel.Mail) string {
	if mail.Text.Len() == 0 {
		return "text/html"
	}
	return "multipart/alternative"
}

// Tail is what follows the head that AppendHead writes: the files and what stands between them. The pieces are
// shared and must not be changed. They are 7-bit, no line of them begins with a dot, and the last ends in CRLF.
// Without files there are none.
func Tail(mail *channel.Mail) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if related(mail) && !group(mail.Inline, relatedNext, relatedEnd, yield) {
			return
		}
		if len(mail.Attached) > 0 {
			group(mail.Attached, mixedNext, mixedEnd, yield)
		}
	}
}

func group(files []*channel.File, next, end []byte, yield func([]byte) bool) bool {
	for _, f := range files {
		if !yield(next) || !yield(f.Header) || !yield(f.Body) {
			return false
		}
	}
	return yield(end)
}

// TailSize is the length of the tail in bytes.
func TailSize(mail *channel.Mail) int {
	n := 0
	for piece := range Tail(mail) {
		n += len(piece)
	}
	return n
}
