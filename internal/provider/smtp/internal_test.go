package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]target{
		"smtp://relay.example":                    {"relay.example", "25", "", "", tlsIfOffered},
		"smtp://u:p%40@relay.example":             {"relay.example", "587", "u", "p@", tlsRequired},
		"smtp://u:p@relay.example?tls=starttls":   {"relay.example", "587", "u", "p", tlsIfOffered},
		"smtp://u:p@relay.example:2525?tls=none":  {"relay.example", "2525", "u", "p", tlsNever},
		"smtp://relay.example?tls=required":       {"relay.example", "25", "", "", tlsRequired},
		"smtps://u:p@relay.example":               {"relay.example", "465", "u", "p", tlsImplicit},
		"smtp://u:p@127.0.0.1:1":                  {"127.0.0.1", "1", "u", "p", tlsIfOffered},
		"smtp://u:p@localhost":                    {"localhost", "587", "u", "p", tlsIfOffered},
		"smtp://[::1]:25":                         {"::1", "25", "", "", tlsIfOffered},
		"http://relay.example":                    {},
		"smtp://":                                 {},
		"smtp://relay.example?tls=maybe":          {},
		"smtp://user:hidden@relay.example:hidden": {},
	} {
		got, err := parseTarget(url)
		if got != want || (err == nil) != (want.host != "") {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error quotes it: %v", url, err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		text string
		kind fault.Kind
		wait time.Duration
	}{
		{550, "5.1.1 <bob@example.org> no such user", fault.GiveUp, 0},
		{552, "too big", fault.GiveUp, 0},
		{421, "4.3.2 going down", fault.Retry, 0},
		{451, "4.3.0 later", fault.Retry, 0},
		{450, "4.2.0 mailbox busy", fault.Retry, 0},
		{421, "4.7.0 too many connections", fault.Wait, defaultWait},
		{450, "4.7.1 greylisted, try again in 300 seconds", fault.Wait, 5 * time.Minute},
		{451, "4.7.1 retry after 2 min", fault.Wait, 2 * time.Minute},
		{452, "4.7.1 wait for 0s", fault.Wait, time.Second},
		{451, "4.7.1 come back in 99999 minutes", fault.Wait, time.Hour},
		{454, "Throttling failure: Maximum sending rate exceeded", fault.Wait, defaultWait},
	} {
		err := refused(fmt.Errorf("greeting: %w", &textproto.Error{Code: c.code, Msg: c.text}), nil)
		var got *fault.Error
		if !errors.As(err, &got) || got.Kind != c.kind || got.After != c.wait || strings.Contains(err.Error(), "@") {
			t.Errorf("%d %s: %v, %v", c.code, c.text, err, got.After)
		}
	}
	auth := refused(&authError{&textproto.Error{Code: 535, Msg: "no"}}, nil)
	if !fault.Is(auth, fault.Retry) || fault.CodeOf(auth) != "unauthenticated" {
		t.Error(auth)
	}
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"250 ok\r\n": "", "250\r\n": "", "250-a\r\n250-b\r\n250 c\r\n": "", "550-5.1.1 no\r\n550 such user\r\n": `550 "5.1.1 no such user"`,
		"354 go\r\n": `354 "go"`, "": io.EOF.Error(), "2": io.EOF.Error(), "hello\r\n": errReply.Error(), "25\r\n": errReply.Error(),
		"250_x\r\n": errReply.Error(), strings.Repeat("250-x\r\n", 200): errReply.Error(),
	} {
		err := readReply(bufio.NewReader(strings.NewReader(text)), 2)
		if (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 b\r\n"))
	f.Add([]byte("421 4.7.0 try again in 5 minutes\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := readReply(bufio.NewReader(bytes.NewReader(text)), 2)
		if err == nil && text[0] != '2' && !bytes.Contains(text, []byte("\n2")) {
			t.Errorf("%q is a success", text)
		}
		if err != nil {
			_ = refused(err, notSent)
		}
	})
}
