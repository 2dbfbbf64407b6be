package mailbox_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/mailbox"
)

func TestParse(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 60)
	long := strings.Join([]string{label, label, label, "example.org"}, ".")
	for given, want := range map[string]string{
		"reader@example.org":                 "reader@example.org",
		"  Reader@EXAMPLE.Org\n":             "reader@example.org",
		"a.b+tag@example.co.uk":              "a.b+tag@example.co.uk",
		"o'neil!#$%&*/=?^_`{|}~@x.org":       "o'neil!#$%&*/=?^_`{|}~@x.org",
		"a@bücher.example":                   "a@xn--bcher-kva.example",
		"a@BÜCHER.example":                   "a@xn--bcher-kva.example",
		"a@xn--bcher-kva.example":            "a@xn--bcher-kva.example",
		"a@例え.テスト":                           "a@xn--r8jz45g.xn--zckzah",
		strings.Repeat("a", 64) + "@x.org":   strings.Repeat("a", 64) + "@x.org",
		strings.Repeat("a", 50) + "@" + long: strings.Repeat("a", 50) + "@" + long,
		"1@2.museum":                         "1@2.museum",
		"a@faß.de":                           "a@xn--fa-hia.de",
	} {
		if got, err := mailbox.Parse(given); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 60)
	long := strings.Join([]string{label, label, label, "example.org"}, ".")
	for given, want := range map[string]error{
		"":                                   mailbox.ErrFormat,
		"a":                                  mailbox.ErrFormat,
		"@x.org":                             mailbox.ErrFormat,
		"a@":                                 mailbox.ErrFormat,
		"Anna <a@x.org>":                     mailbox.ErrLocal,
		"<a@x.org>":                          mailbox.ErrLocal,
		`"a b"@x.org`:                        mailbox.ErrLocal,
		"a b@x.org":                          mailbox.ErrLocal,
		"a@b@x.org":                          mailbox.ErrLocal,
		"a\r\nBcc: b@x.org":                  mailbox.ErrLocal,
		"ä@x.org":                            mailbox.ErrLocal,
		"a(c)@x.org":                         mailbox.ErrLocal,
		".a@x.org":                           mailbox.ErrFormat,
		"a..b@x.org":                         mailbox.ErrFormat,
		"a.@x.org":                           mailbox.ErrFormat,
		"a@localhost":                        mailbox.ErrDomain,
		"a@[127.0.0.1]":                      mailbox.ErrDomain,
		"a@127.0.0.1":                        mailbox.ErrDomain,
		"a@x..org":                           mailbox.ErrDomain,
		"a@.org":                             mailbox.ErrDomain,
		"a@-x.org":                           mailbox.ErrDomain,
		"a@x_y.org":                          mailbox.ErrDomain,
		"a@x.org\x00":                        mailbox.ErrDomain,
		"a@x y.org":                          mailbox.ErrDomain,
		"a@x.org.":                           mailbox.ErrDomain,
		strings.Repeat("a", 65) + "@x.org":   mailbox.ErrLong,
		strings.Repeat("a", 64) + "@" + long: mailbox.ErrLong,
		"a@" + strings.Repeat("b", 5000):     mailbox.ErrLong,
	} {
		got, err := mailbox.Parse(given)
		if !errors.Is(err, want) || got != "" {
			t.Errorf("Parse(%q) = %q, %v; want %v", given, got, err, want)
		}
	}
}

// FuzzParse: what is accepted is stable, ASCII, one line, and has one @.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a@x.org", "A@BÜCHER.example", "a@例え.テスト", "a@xn--0.org", "a@b\u200dc.org"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := mailbox.Parse(text)
		if err != nil {
			return
		}
		if again, err := mailbox.Parse(got); err != nil || again != got {
			t.Fatalf("%q became %q, then %q (%v)", text, got, again, err)
		}
		for _, r := range got {
			if r <= ' ' || r > '~' {
				t.Fatalf("%q holds %q", got, r)
			}
		}
		if strings.Count(got, "@") != 1 || len(got) > 254 {
			t.Fatalf("%q is no plain address", got)
		}
	})
}
