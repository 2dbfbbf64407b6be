package smtp

import (
	"net"
	"strings"
	"testing"
)

// FuzzParseTarget: an address of a relay has a host and a port, and what is refused is not quoted: it holds a password.
func FuzzParseTarget(f *testing.F) {
	for _, text := range []string{"smtp://u:word@h:587", "smtps://h", "smtp://[::1]:25?tls=none", "smtp://h?tls=maybe", "smtp://", "http://h", "smtp://h:x", "smtp://u%zz@h", "smtp://h\r\nRSET", "//h", "smtp://@:25", "smtp://]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		to, err := parseTarget(text)
		if err != nil {
			if len(text) > 8 && strings.Contains(err.Error(), text) && !strings.Contains(errURL.Error(), text) && !strings.Contains(errMode.Error(), text) {
				t.Errorf("%q is quoted: %v", text, err)
			}
			return
		}
		host, port, err := net.SplitHostPort(to.address())
		if err != nil || host == "" || port == "" || strings.ContainsAny(host, "\r\n\x00") {
			t.Errorf("%q leads to %q, %v", text, to.address(), err)
		}
		_ = realTarget(text)
	})
}
