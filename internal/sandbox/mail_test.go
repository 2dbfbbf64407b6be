package sandbox

import (
	"reflect"
	"strings"
	"testing"
)

const mixedMail = "From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\r\n" +
	"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n =?utf-8?q?_und_mehr?=\r\n" +
	"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" +
	"--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Sch=C3=B6ner=\r\n Text\r\n" +
	"--inner\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PHA+SGk8\r\nL3A+\r\n" +
	"--inner--\r\n" +
	"--outer\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\nfile\r\n" +
	"--outer--\r\n"

func TestReadMail(t *testing.T) {
	t.Parallel()
	letter := readMail([]byte(mixedMail))
	if letter.Subject != "Grüße und mehr" || letter.Text != "Schöner Text" || letter.HTML != "<p>Hi</p>" || len(letter.Faults) > 0 {
		t.Errorf("read %+v", letter)
	}
	if !reflect.DeepEqual(letter.Files, []File{{Name: "a.txt", Type: "text/plain", Size: 4, Data: []byte("file")}}) {
		t.Errorf("files %+v", letter.Files)
	}
	if letter.Fields[0] != (Field{"From", "Jörg <j@example.com>"}) || letter.Source != mixedMail {
		t.Errorf("fields %+v", letter.Fields)
	}
}

func TestReadOddMails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw, text string
		faults    int
	}{
		"nothing":         {"", "", 0},
		"no head":         {"\r\nbody", "body", 0},
		"bare line feeds": {"A: b\n\nbody\n", "body\n", 0},
		"latin-1":         {"Content-Type: text/plain; charset=ISO-8859-1\r\n\r\n\xfc", "ü", 0},
		"not UTF-8":       {"A: b\r\n\r\n\xfc", "\uFFFD", 0},
		"odd type":        {"Content-Type: a b c\r\n\r\nbody", "body", 1},
		"no boundary":     {"Content-Type: multipart/mixed\r\n\r\nbody", "", 1},
		"broken base64":   {"Content-Transfer-Encoding: base64\r\n\r\nYWJj*", "abc", 1},
		"cut off":         {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\npart", "part", 1},
	} {
		letter := readMail([]byte(test.raw))
		if letter.Text != test.text || len(letter.Faults) != test.faults {
			t.Errorf("%s: text %q, faults %v", name, letter.Text, letter.Faults)
		}
	}
}

func TestReadMailIsBounded(t *testing.T) {
	t.Parallel()
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 10*mailParts) + "--b--\r\n"
	if letter := readMail([]byte(many)); len(letter.Files) > mailParts || len(letter.Faults) == 0 {
		t.Errorf("%d files, faults %v", len(letter.Files), letter.Faults)
	}
}

func FuzzReadMail(f *testing.F) {
	f.Add([]byte(mixedMail))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		readMail(raw)
		subjectOf(raw)
	})
}

func FuzzReadChat(f *testing.F) {
	f.Add([]byte(`{"text":"x","blocks":[{"type":"section","text":{"text":"y"},"accessory":{"type":"button","text":"z"}}]}`))
	f.Add([]byte(`{"content":"x","embeds":[{"color":1,"fields":[{"name":"a","value":"b"}]}]}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		for _, provider := range []string{ProviderSlack, ProviderDiscord, ProviderWebhook} {
			readChat(&Message{Provider: provider, Body: body})
		}
	})
}
