package asset

import (
	"errors"
	"mime"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
)

const png = "\x89PNG\r\n\x1a\nand more"

func fieldsOf(err error) string {
	var e *fault.Error
	if !errors.As(err, &e) {
		return ""
	}
	var list []string
	for _, f := range e.Fields {
		list = append(list, f.Pointer+" "+f.Code)
	}
	return strings.Join(list, ", ")
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, content, fields, normal string }{
		{"report.pdf", "application/pdf", "x", "", "application/pdf"},
		{" Übersicht \"neu\".csv ", "TEXT/CSV; Charset=utf-8", "a,b", "", "text/csv; charset=utf-8"},
		{"no extension", "application/octet-stream", "x", "", "application/octet-stream"},
		{"logo.png", "image/png; x=y", png, "", "image/png"},
		{"logo.webp", "image/webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"},
		{"a.gif", "image/gif", "GIF89a", "", "image/gif"},
		{"drawing.svg", "image/svg+xml", "<svg/>", "", "image/svg+xml"},
		{strings.Repeat("é", 127), "text/plain", "x", "", "text/plain"},
		{"", "", "", "/name required, /media_type format, /content required", ""},
		{"logo.png", "image/png", "<svg/>", "/content wrong_type", ""},
		{"logo.jpg", "image/jpeg", png, "/content wrong_type", ""},
		{strings.Repeat("é", 128), "text/plain", "x", "/name too_long", ""},
		{"a\xff", "text/plain", "x", "/name encoding", ""},
		{"a/b", "text/plain", "x", "/name format", ""},
		{`a\b`, "text/plain", "x", "/name format", ""},
		{"..", "text/plain", "x", "/name format", ""},
		{"a\r\nX: y", "text/plain", "x", "/name format", ""},
		{"photo\u202egpj.exe", "text/plain", "x", "/name format", ""},
		{"setup.EXE", "text/plain", "x", "/name not_allowed", ""},
		{"setup.exe. .", "text/plain", "x", "/name not_allowed", ""},
		{"exe", "text/plain", "x", "/name not_allowed", ""},
		{"a.b", "text", "x", "/media_type format", ""},
		{"a.b", "text/plain\r\nX: y", "x", "/media_type format", ""},
		{"a.b", "text/plain; a=" + strings.Repeat("x", 200), "x", "/media_type format", ""},
		{"a.eml", "message/rfc822", "x", "/media_type not_allowed", ""},
		{"a.b", "multipart/mixed; boundary=b", "x", "/media_type not_allowed", ""},
		{"big", "text/plain", strings.Repeat("x", MaxSize+1), "/content too_large", ""},
	} {
		a, err := New(c.name, c.kind, []byte(c.content))
		if got := fieldsOf(err); got != c.fields || (err == nil && (a.MediaType != c.normal || a.Name != strings.TrimSpace(c.name) || a.Size != int64(len(c.content)))) {
			t.Errorf("%q %q: %q, %v", c.name, c.kind, a.MediaType, err)
		}
	}
	if one, _ := New("a.png", "image/png", []byte(png)); !one.Image() {
		t.Error("a picture is no image")
	}
	if one, _ := New("a.svg", "image/svg+xml", []byte("<svg/>")); one.Image() {
		t.Error("an SVG document is an image")
	}
}

// FuzzNew sees that whatever is let through can stand in a header.
func FuzzNew(f *testing.F) {
	f.Add("report.pdf", "application/pdf")
	f.Add("a\x00b", "text/plain; charset=\"ü\"")
	f.Add("a.\u202e", "a/b; c*=utf-8''%41; d=\"\\\"\"")
	f.Fuzz(func(t *testing.T, name, kind string) {
		a, err := New(name, kind, []byte("x"))
		if err != nil {
			return
		}
		if strings.ContainsAny(a.Name, "\r\n\x00/\\") || strings.ContainsFunc(a.MediaType, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q %q", a.Name, a.MediaType)
		}
		if _, _, err := mime.ParseMediaType(a.MediaType); err != nil {
			t.Fatalf("%q: %v", a.MediaType, err)
		}
	})
}
