package mime_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	stdmime "mime"
	"mime/multipart"
	"net/mail"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/quoted"
)

// TestWithoutFiles holds every byte of what was sent before there were files.
func TestWithoutFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*channel.Mail){
		"both": func(*channel.Mail) {},
		"text": func(m *channel.Mail) { m.HTML = quoted.Text{} },
		"html": func(m *channel.Mail) { m.Text = quoted.Text{} },
	} {
		want, err := os.ReadFile("testdata/" + name + ".eml")
		if err != nil {
			t.Fatal(err)
		}
		m := sample()
		m.Mail.Subject = "Grüße, \"zwölf\" Dinge"
		m.Mail.Text, m.Mail.HTML = quoted.Plain("Hello\n.dot\nFrom me =\n"), quoted.Plain("<p>Zwölf Dinge</p>")
		change(m.Mail)
		if got, err := mime.Append(nil, m, noon); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// leaf is a part that is not made of others.
type leaf struct {
	kind, disposition, name, id string
	content                     []byte
}

// leaves takes an entity apart with the standard library; path names the multiparts around each leaf.
func leaves(t interface{ Fatalf(string, ...any) }, header mail.Header, body io.Reader, path string) map[string][]leaf {
	kind, params, err := stdmime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("content type %q: %v", header.Get("Content-Type"), err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		one := leaf{kind: kind, id: header.Get("Content-ID")}
		if text := header.Get("Content-Disposition"); text != "" {
			var named map[string]string
			if one.disposition, named, err = stdmime.ParseMediaType(text); err != nil {
				t.Fatalf("disposition %q: %v", text, err)
			}
			one.name = named["filename"]
		}
		if header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		if one.content, err = io.ReadAll(body); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		return map[string][]leaf{path: {one}}
	}
	if kind == "multipart/related" && params["type"] == "" {
		t.Fatalf("related without a type")
	}
	found := map[string][]leaf{}
	for parts := multipart.NewReader(body, params["boundary"]); ; {
		part, err := parts.NextPart() // undoes quoted-printable by itself
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("part: %v", err)
		}
		for where, list := range leaves(t, mail.Header(part.Header), part, path+strings.TrimPrefix(kind, "multipart/")+"/") {
			found[where] = append(found[where], list...)
		}
	}
}

func parse(t interface{ Fatalf(string, ...any) }, raw []byte) (mail.Header, map[string][]leaf) {
	checkLines(t, raw)
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("read message: %v", err)
	}
	return m.Header, leaves(t, m.Header, m.Body, "")
}

// TestFilesArrive says where the parts stand and that files come back byte for byte.
func TestFilesArrive(t *testing.T) {
	t.Parallel()
	content := rapid.SliceOfN(rapid.Byte(), 0, 500)
	names := rapid.OneOf(rapid.String(), rapid.StringN(0, 300, -1), rapid.StringMatching(`[a-z "\\';%*=]{0,120}\.pdf`), rapid.Just("a\r\nX-Evil: 1"))
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		if rapid.Bool().Draw(t, "only HTML") {
			m.Mail.Text = quoted.Text{}
		}
		var images, attached []leaf
		for i, c := range rapid.SliceOfN(content, 0, 3).Draw(t, "images") {
			name, id := names.Draw(t, "image name"), strings.Repeat("i", i+1)+"@asset.example"
			file, err := mime.Inline(name, "image/png", id, mime.EncodeFile(c))
			if err != nil {
				t.Fatalf("inline: %v", err)
			}
			m.Mail.Inline = append(m.Mail.Inline, file)
			images = append(images, leaf{"image/png", "inline", shown(name), "<" + id + ">", c})
		}
		for _, c := range rapid.SliceOfN(content, 0, 3).Draw(t, "attachments") {
			name := names.Draw(t, "name")
			file, err := mime.Attachment(name, "text/csv; charset=utf-8", mime.EncodeFile(c))
			if err != nil {
				t.Fatalf("attachment: %v", err)
			}
			m.Mail.Attached = append(m.Mail.Attached, file)
			attached = append(attached, leaf{"text/csv", "attachment", shown(name), "", c})
		}
		raw, err := mime.Append([]byte(nil), m, noon)
		if err != nil {
			t.Fatalf("append: %v", err)
		}
		header, found := parse(t, raw)
		if len(header) != 13 && m.Mail.Text.Len() > 0 {
			t.Fatalf("%d header fields: %v", len(header), header)
		}
		outer, inner := "", ""
		if len(attached) > 0 {
			outer = "mixed/"
		}
		if len(images) > 0 {
			inner = "related/"
		}
		bodies := outer + inner
		if m.Mail.Text.Len() > 0 {
			bodies += "alternative/"
		}
		want := map[string][]leaf{}
		if m.Mail.Text.Len() > 0 {
			want[bodies] = append(want[bodies], leaf{kind: "text/plain", content: []byte("Hello")})
		}
		want[bodies] = append(want[bodies], leaf{kind: "text/html", content: []byte("<p>Hello</p>")})
		want[outer+inner] = append(want[outer+inner], images...)
		want[outer] = append(want[outer], attached...)
		for where, list := range want {
			same(t, where, found[where], list)
		}
		head, err := mime.AppendHead(nil, m, noon)
		if err != nil || len(head)+mime.TailSize(m.Mail) != len(raw) || !bytes.HasPrefix(raw, head) {
			t.Fatalf("the head has %d bytes, the tail %d, all of it %d, %v", len(head), mime.TailSize(m.Mail), len(raw), err)
		}
	})
}

func same(t interface{ Fatalf(string, ...any) }, where string, got, want []leaf) {
	if len(got) != len(want) {
		t.Fatalf("%s has %d parts, not %d: %+v", where, len(got), len(want), got)
	}
	for i := range want {
		g, w := got[i], want[i]
		g.content = bytes.TrimSuffix(g.content, []byte("\r\n"))
		w.content = bytes.TrimSuffix(w.content, []byte("\r\n"))
		if g.kind != w.kind || g.disposition != w.disposition || g.name != w.name || g.id != w.id || !bytes.Equal(g.content, w.content) {
			t.Fatalf("%s: part %d is %+v, not %+v", where, i, g, w)
		}
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf":             "attachment;\r\n filename=\"report.pdf\"",
		`a "b" \c`:               "attachment;\r\n filename=\"a \\\"b\\\" \\\\c\"",
		"Übersicht 1.pdf":        "attachment;\r\n filename*=utf-8''%C3%9Cbersicht%201.pdf",
		"":                       "attachment",
		"a\r\nX-Evil: 1":         "attachment;\r\n filename=\"a  X-Evil: 1\"",
		strings.Repeat("é", 12):  "attachment;\r\n filename*0*=utf-8''%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9;\r\n filename*1*=%C3%A9%C3%A9%C3%A9",
		strings.Repeat("ab", 40): "attachment;\r\n filename*0*=utf-8''" + strings.Repeat("ab", 27) + ";\r\n filename*1*=" + strings.Repeat("ab", 13),
	} {
		file, err := mime.Attachment(name, "text/plain", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, disposition, _ := strings.Cut(string(file.Header), "Content-Disposition: ")
		if got := strings.TrimSuffix(disposition, "\r\n\r\n"); got != want {
			t.Errorf("%q is\n%q, not\n%q", name, got, want)
		}
		for line := range strings.SplitSeq(string(file.Header), "\r\n") {
			if len(line) > 76 {
				t.Errorf("%q: a line of %d characters: %q", name, len(line), line)
			}
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "text/plain\r\nX-Evil: 1", "text/ü", strings.Repeat("x", 300)} {
		if _, err := mime.Attachment("a", kind, nil); !fault.Is(err, fault.GiveUp) {
			t.Errorf("type %q: %v", kind, err)
		}
	}
	for _, id := range []string{"", "a>\r\nX-Evil: 1", "a b", "<a>"} {
		if _, err := mime.Inline("a", "image/png", id, nil); !fault.Is(err, fault.GiveUp) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	m := sample()
	image, err := mime.Inline("a", "image/png", "a@b", nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Mail.HTML, m.Mail.Inline = quoted.Text{}, []*channel.File{image}
	if n := mime.TailSize(m.Mail); n != 0 {
		t.Errorf("an image that no HTML shows takes %d bytes", n)
	}
	for range mime.Tail(m.Mail) {
		t.Error("there is a tail")
	}
}

func TestTailCanBeLeft(t *testing.T) {
	t.Parallel()
	m := sample()
	file, err := mime.Inline("a", "image/png", "a@b", []byte("QQ=="))
	if err != nil {
		t.Fatal(err)
	}
	m.Mail.Inline, m.Mail.Attached = []*channel.File{file}, []*channel.File{file}
	for n := range 10 {
		seen := 0
		for range mime.Tail(m.Mail) {
			if seen++; seen > n {
				break
			}
		}
		if seen != min(n+1, 8) {
			t.Errorf("%d pieces, left after %d", seen, n+1)
		}
	}
}

// FuzzFile sees that no name and no type adds a header or a line that is too long.
func FuzzFile(f *testing.F) {
	f.Add("report.pdf", "application/pdf", []byte("x"))
	f.Add("a\r\n\r\nb\"\\", "text/plain; charset=\"utf-8\"", []byte(".\r\n"))
	f.Fuzz(func(t *testing.T, name, kind string, content []byte) {
		file, err := mime.Inline(name, kind, "a@b", mime.EncodeFile(content))
		if err != nil {
			return
		}
		raw := append(append(bytes.Clone(file.Header), file.Body...), "\r\n"...)
		checkLines(t, raw)
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil || len(m.Header) != 4 {
			t.Fatalf("%v: %q", err, file.Header)
		}
		got, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, m.Body))
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%q became %q, %v", content, got, err)
		}
	})
}

// BenchmarkAppendHead is a mail with an attachment of 10 MB, as SMTP writes it: only its own part is made.
func BenchmarkAppendHead(b *testing.B) {
	m := sample()
	file, err := mime.Attachment("a.bin", "application/octet-stream", mime.EncodeFile(make([]byte, 10<<20)))
	if err != nil {
		b.Fatal(err)
	}
	m.Mail.Attached = []*channel.File{file}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		if buf, err = mime.AppendHead(buf[:0], m, noon); err != nil {
			b.Fatal(err)
		}
		n := 0
		for piece := range mime.Tail(m.Mail) {
			n += len(piece)
		}
	}
}
