package mime_test

import (
	"bytes"
	"errors"
	"io"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/quoted"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sample() *channel.Message {
	return &channel.Message{
		ID: channel.Identity{Publication: "018f3a00-0000-7000-8000-000000000001", Kind: channel.Newsletter, Recipient: 42},
		Mail: &channel.Mail{
			From: channel.Address{Name: "The Daily", Email: "news@example.org"}, To: channel.Address{Email: "reader@example.com"},
			ReplyTo: "desk@example.org", Subject: "Hello", HTML: quoted.Plain("<p>Hello</p>"), Text: quoted.Plain("Hello"),
			ListID: "news.example.org", Unsubscribe: "https://example.org/u/abc", MessageID: "42.018f@example.org",
		},
	}
}

// read parses a message with the standard library and returns its header and decoded parts by type.
func read(t interface{ Fatalf(string, ...any) }, raw []byte) (mail.Header, map[string]string) {
	checkLines(t, raw)
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("read message: %v\n%s", err, raw)
	}
	kind, params, err := stdmime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("content type: %v", err)
	}
	parts := map[string]string{}
	if kind != "multipart/alternative" {
		text, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		if err != nil {
			t.Fatalf("body: %v", err)
		}
		parts[kind] = strings.TrimSuffix(string(text), "\r\n")
		return msg.Header, parts
	}
	for reader := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := reader.NextPart() // decodes quoted-printable by itself
		if errors.Is(err, io.EOF) {
			return msg.Header, parts
		}
		if err != nil {
			t.Fatalf("part: %v\n%s", err, raw)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatalf("part: %v", err)
		}
		kind, _, _ := strings.Cut(part.Header.Get("Content-Type"), ";")
		parts[kind] = string(text)
	}
}

// checkLines holds what every message promises: ASCII, CRLF, lengths, no dot at a line's start.
func checkLines(t interface{ Fatalf(string, ...any) }, raw []byte) {
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Fatalf("does not end in CRLF")
	}
	inBody := false
	for _, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		limit := 998
		if inBody {
			limit = 76
		}
		switch {
		case len(line) > limit:
			t.Fatalf("line of %d characters: %q", len(line), line)
		case strings.HasPrefix(line, "."):
			t.Fatalf("line begins with a dot: %q", line)
		case strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }):
			t.Fatalf("line is not printable ASCII: %q", line)
		}
		inBody = inBody || line == ""
	}
}

// normal is text as it arrives: every kind of line break becomes CRLF.
func normal(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func TestAppendHeaders(t *testing.T) {
	t.Parallel()
	prefix := []byte("before")
	raw, err := mime.Append(prefix, sample(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(raw, prefix) {
		t.Fatal("what was in the buffer is lost")
	}
	header, parts := read(t, raw[len(prefix):])
	for name, want := range map[string]string{
		"From": "The Daily <news@example.org>", "To": "<reader@example.com>", "Reply-To": "<desk@example.org>",
		"Subject": "Hello", "Date": "Sun, 01 Mar 2026 12:00:00 +0000", "Message-ID": "<42.018f@example.org>",
		"List-Id": "<news.example.org>", "List-Unsubscribe": "<https://example.org/u/abc>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "MIME-Version": "1.0",
		"X-Presswork-Delivery": "018f3a00-0000-7000-8000-000000000001/newsletter/42",
		"Feedback-ID":          "018f3a00-0000-7000-8000-000000000001:newsletter::presswork",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if parts["text/plain"] != "Hello" || parts["text/html"] != "<p>Hello</p>" {
		t.Errorf("parts are %q", parts)
	}
}

func TestAppendOmits(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Mail.ReplyTo, m.Mail.ListID, m.Mail.Unsubscribe, m.Mail.HTML = "", "", "", quoted.Text{}
	raw, err := mime.Append(nil, m, noon)
	if err != nil {
		t.Fatal(err)
	}
	header, parts := read(t, raw)
	for _, name := range []string{"Reply-To", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Auto-Submitted"} {
		if _, there := header[name]; there {
			t.Errorf("there is a header %s", name)
		}
	}
	m.Mail.Automatic = true
	if raw, err = mime.Append(nil, m, noon); err != nil {
		t.Fatal(err)
	}
	if header, _ := read(t, raw); header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("it is not said to be a machine's: %v", header)
	}
	if len(parts) != 1 || parts["text/plain"] != "Hello" {
		t.Errorf("parts are %q", parts)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*channel.Mail){
		"no body":             func(m *channel.Mail) { m.HTML, m.Text = quoted.Text{}, quoted.Text{} },
		"no recipient":        func(m *channel.Mail) { m.To.Email = "" },
		"break in recipient":  func(m *channel.Mail) { m.To.Email = "a@example.org\r\nBcc: b@example.org" },
		"two recipients":      func(m *channel.Mail) { m.To.Email = "a@example.org, b@example.org" },
		"unicode local part":  func(m *channel.Mail) { m.To.Email = "jürgen@example.org" },
		"bad domain":          func(m *channel.Mail) { m.To.Email = "a@exa mple.org" },
		"break in reply-to":   func(m *channel.Mail) { m.ReplyTo = "a@example.org\nX: y" },
		"break in link":       func(m *channel.Mail) { m.Unsubscribe = "https://example.org/\r\nX: y" },
		"bracket in link":     func(m *channel.Mail) { m.Unsubscribe = "https://example.org/>,<mailto:x" },
		"link too long":       func(m *channel.Mail) { m.Unsubscribe = "https://example.org/" + strings.Repeat("x", 1000) },
		"break in list":       func(m *channel.Mail) { m.ListID = "a\x00b" },
		"no message id":       func(m *channel.Mail) { m.MessageID = "" },
		"break in message id": func(m *channel.Mail) { m.MessageID = "a@b>\r\nX: y" },
	} {
		m := sample()
		spoil(m.Mail)
		raw, err := mime.Append([]byte("kept"), m, noon)
		if !fault.Is(err, fault.GiveUp) || string(raw) != "kept" {
			t.Errorf("%s: error %v, buffer %q", name, err, raw)
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the error names an address: %v", name, err)
		}
	}
	if _, err := mime.Append(nil, &channel.Message{}, noon); !fault.Is(err, fault.GiveUp) {
		t.Errorf("a message without a mail: %v", err)
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"a@example.org": "a@example.org", "a+b.c@bücher.example": "a+b.c@xn--bcher-kva.example", "x@localhost": "x@localhost",
		"": "", "a": "", "@b": "", "a@": "", "a@b@c": "", ".a@b": "", "a.@b": "", "a..b@c": "", "a b@c": "", "<a@b>": "",
		strings.Repeat("a", 65) + "@b": "", "a@" + strings.Repeat("b.", 200) + "c": "",
	} {
		if got, err := mime.Mailbox(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%q gives %q, %v", address, got, err)
		}
	}
}

// decoded is a header as people see it.
func decoded(t interface{ Fatalf(string, ...any) }, value string) string {
	text, err := new(stdmime.WordDecoder).DecodeHeader(value)
	if err != nil {
		t.Fatalf("decode %q: %v", value, err)
	}
	return text
}

// shown is what free text becomes: valid, no control characters, trimmed.
func shown(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

func checkRoundTrip(t interface{ Fatalf(string, ...any) }, subject, name, text, html string) {
	m := sample()
	m.Mail.Subject, m.Mail.To.Name, m.Mail.Text, m.Mail.HTML = subject, name, quoted.Plain(text), quoted.Plain(html)
	raw, err := mime.Append(nil, m, noon)
	if err != nil {
		if text+html == "" {
			return
		}
		t.Fatalf("append: %v", err)
	}
	header, parts := read(t, raw)
	fields := 13
	if text == "" || html == "" {
		fields = 14 // of a single part, the encoding as well
	}
	if len(header) != fields {
		t.Fatalf("%d header fields: %v", len(header), header)
	}
	if got := decoded(t, header.Get("Subject")); got != shown(subject) {
		t.Fatalf("subject %q became %q", shown(subject), got)
	}
	to, err := header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "reader@example.com" || to[0].Name != shown(name) {
		t.Fatalf("name %q became %v, %v (%q)", shown(name), to, err, header.Get("To"))
	}
	if text != "" && parts["text/plain"] != normal(text) {
		t.Fatalf("text %q became %q", normal(text), parts["text/plain"])
	}
	if html != "" && parts["text/html"] != normal(html) {
		t.Fatalf("html %q became %q", normal(html), parts["text/html"])
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("abcdefghij", 30)
	for _, s := range []string{
		"", " ", "plain", "two  blanks", "=?utf-8?q?fake?=", "a =?b", "emoji 🎉🎊 " + strings.Repeat("🎉", 40), long,
		strings.Repeat("word ", 60), "Bcc: x@y\r\nX-Evil: 1", "quote \" and \\", "comma, semicolon; (comment)", "ünïcödé",
		".", "..", "\n.\n", "From me\nFrom you", "tab\t\n blank \n", strings.Repeat("x", 75), strings.Repeat("x", 76) + "\n",
		strings.Repeat("x", 74) + " \n", strings.Repeat("x", 73) + "é", "\xff\xfe", "a\rb", "\x00", "=", "\u2028", long + "🎉",
	} {
		body := strings.ToValidUTF8(s, "")
		checkRoundTrip(t, s, s, body, body)
		checkRoundTrip(t, s, s, "", body)
	}
}

func TestRoundTripProperty(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab .=\t\n\r\"\\<>@,ü🎉F?")), 0, 400, -1),
		rapid.StringMatching(`([a-zA-Z.]{1,50} ){0,9}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		checkRoundTrip(t, text.Draw(t, "subject"), text.Draw(t, "name"), text.Draw(t, "text"), text.Draw(t, "html"))
	})
}

func TestSubjectIsFolded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		m.Mail.Subject = rapid.StringN(0, 300, -1).Draw(t, "subject")
		raw, err := mime.Append(nil, m, noon)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
		_, rest, _ := strings.Cut(head, "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\nDate: ")
		for i, line := range strings.Split("Subject: "+subject, "\r\n") {
			if len(line) > 78 || i > 0 && (!strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "") {
				t.Fatalf("line %q", line)
			}
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add("Hello", "Jo", "text", "<p>html</p>")
	f.Add("=?utf-8?q?x?=", "a\r\nb", ".\r\n.", "\r")
	f.Add("🎉", "\"", " \n", strings.Repeat("x", 80))
	f.Fuzz(func(t *testing.T, subject, name, text, html string) {
		checkRoundTrip(t, subject, name, text, html)
	})
}

func TestBuffers(t *testing.T) {
	t.Parallel()
	var pool mime.Buffers
	for _, size := range []int{10, 2 << 20} {
		buf := pool.Get()
		if len(*buf) != 0 || cap(*buf) > 1<<20 {
			t.Errorf("a buffer of %d, %d", len(*buf), cap(*buf))
		}
		*buf = append(*buf, make([]byte, size)...)
		pool.Put(buf)
	}
	if buf := pool.Get(); len(*buf) != 0 || cap(*buf) > 1<<20 {
		t.Errorf("a buffer of %d, %d", len(*buf), cap(*buf))
	}
}

func BenchmarkAppend(b *testing.B) {
	m := sample()
	m.Mail.Subject = "Ten things we learnt this week"
	m.Mail.HTML = quoted.Plain(strings.Repeat("<p style=\"margin:0 0 1em;color:#222\">Ten things we learnt this week, <a href=\"https://example.org/c/abcdef\">café</a>.</p>\n", 44))
	m.Mail.Text = quoted.Plain(strings.Repeat("Ten things we learnt this week: https://example.org/c/abcdef\n", 17))
	b.SetBytes(int64(m.Mail.HTML.Len() + m.Mail.Text.Len()))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = mime.Append(buf[:0], m, noon); err != nil {
			b.Fatal(err)
		}
	}
}
