// Package mailbox reads e-mail addresses into the one form in which they are stored and compared.
package mailbox

import (
	"errors"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of RFC 5321 (4.5.3.1.1) and its erratum 1690: 64 octets before the @, 254 in all.
const (
	maxLocal   = 64
	maxAddress = 254
)

// Errors of Parse. They name no part of the address.
var (
	ErrFormat = errors.New("must be an e-mail address like reader@example.org, without a name")
	ErrLong   = errors.New("must be at most 254 characters, 64 of them before the @")
	ErrLocal  = errors.New("must have only plain ASCII letters, digits and signs before the @")
	ErrDomain = errors.New("must have a valid domain name after the @")
)

// Parse reads an address and normalises it: white space around it is dropped, the domain is written in
// lower-case ASCII (IDNA 2008), and the local part in lower case. RFC 5321 lets a host tell Anna@ from
// anna@, but none in use does, and a reader who signs up twice in different spellings is one reader.
// Quoted local parts, comments, address literals and local parts outside ASCII are refused: mail
// providers do not carry them. Parsing the result gives the same again.
func Parse(text string) (string, error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at == len(text)-1 {
		return "", ErrFormat
	}
	local, domain := text[:at], text[at+1:]
	if len(text) > 4*maxAddress || len(local) > maxLocal {
		return "", ErrLong
	}
	if !plainLocal(local) {
		return "", ErrLocal
	}
	domain, err := asciiDomain(domain)
	if err != nil {
		return "", err
	}
	address := strings.ToLower(local) + "@" + domain
	if len(address) > maxAddress {
		return "", ErrLong
	}
	// The standard library has the last word on the form as a whole.
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address || parsed.Name != "" {
		return "", ErrFormat
	}
	return address, nil
}

// plainLocal reports a dot-atom (RFC 5322, 3.2.3).
func plainLocal(local string) bool {
	for i := range len(local) {
		c := local[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) < 0 {
			return false
		}
	}
	return true
}

func asciiDomain(domain string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
		idna.StrictDomainName(true), idna.ValidateLabels(true), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(domain)
	if err != nil || !utf8.ValidString(domain) {
		return "", ErrDomain
	}
	// Some names have an ASCII form that is not valid itself.
	if again, err := profile.ToASCII(ascii); err != nil || again != ascii {
		return "", ErrDomain
	}
	top := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if len(top) == len(ascii) || strings.Trim(top, "0123456789") == "" {
		return "", ErrDomain
	}
	return ascii, nil
}
