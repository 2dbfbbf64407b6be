package mime

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"
)

var errAddress = errors.New("not a mailbox")

// Mailbox is the address as it goes over the wire, in ASCII: the domain of an internationalised address
// becomes punycode. It is an error, without the address in its text, if the address is not a dot-atom,
// "@" and a domain, or if its local part is not ASCII: that would take SMTPUTF8 on every hop (RFC 6531),
// which senders cannot count on. Lengths are those of RFC 5321, 4.5.3.1.
func Mailbox(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 || !dotAtom(address[:at]) {
		return "", errAddress
	}
	domain := address[at+1:]
	if !visible(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", errAddress
		}
		domain, address = ascii, address[:at+1]+ascii
	}
	if len(domain) > 253 || !dotAtom(domain) {
		return "", errAddress
	}
	return address, nil
}

// dotAtom reports whether s is words of atext with single dots between them (RFC 5322, 3.2.3).
func dotAtom(s string) bool {
	dot := true
	for i := range len(s) {
		switch {
		case s[i] == '.' && !dot:
			dot = true
		case atext[s[i]]:
			dot = false
		default:
			return false
		}
	}
	return !dot
}

// atoms reports whether s is words of atext with blanks between them.
func atoms(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && !atext[s[i]] {
			return false
		}
	}
	// "=" is atext, and so an encoded word would be taken for one.
	return !strings.Contains(s, "=?")
}

// atext holds the characters of an atom.
var atext = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range "!#$%&'*+-/=?^_`{|}~" {
		t[c] = true
	}
	return t
}()
