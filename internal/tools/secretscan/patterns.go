package main

import (
	"math"
	"regexp"
	"strings"
	"unicode"
)

// pattern finds one kind of secret in a line. The secret is the expression's last group, or all of the match.
type pattern struct {
	name string
	expr *regexp.Regexp
	// random says that the text must also look random, for patterns that go by the name beside it.
	random bool
}

// patterns lists the kinds, the most telling first: a line is reported once for each secret.
func patterns() []pattern {
	must := regexp.MustCompile
	return []pattern{
		{name: "private key", expr: must(`-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`)},
		{name: "AWS access key", expr: must(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
		{name: "Slack token", expr: must(`\bxox[abeprs]-[0-9A-Za-z-]{10,}|\bxapp-[0-9]-[0-9A-Za-z-]{10,}`)},
		{name: "Slack webhook", expr: must(`hooks\.slack\.com/services/T[0-9A-Z]{6,}/B[0-9A-Z]{6,}/[0-9A-Za-z]{16,}`)},
		{name: "Discord bot token", expr: must(`\b[MNO][0-9A-Za-z_-]{23,27}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,}`)},
		{name: "Discord webhook", expr: must(`discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]{16,}/[0-9A-Za-z_-]{40,}`)},
		{name: "webhook signing secret", expr: must(`\bwhsec_[0-9A-Za-z+/]{20,}={0,2}`)},
		{name: "Presswork API key", expr: must(`\bpwk_[0-9A-Za-z_-]{16,}`)},
		{name: "Vault token", expr: must(`\bhv[sbr]\.[0-9A-Za-z_-]{24,}`)},
		{name: "GitHub token", expr: must(`\b(?:gh[opsur]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})`)},
		{name: "Google API key", expr: must(`\bAIza[0-9A-Za-z_-]{35}`)},
		{name: "live payment key", expr: must(`\b[rs]k_live_[0-9A-Za-z]{16,}`)},
		{name: "JSON web token", expr: must(`\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{16,}`)},
		{name: "password in a URL", random: true, expr: must(`[a-z]://[^/\s:@'"` + "`" + `]*:([^@\s/'"` + "`" + `]{8,})@`)},
		{name: "assigned secret", random: true, expr: must(
			`(?i)(?:secret|passw(?:or)?d|token|key|credential)[0-9a-z_]{0,16}["'\])\\]*\s*(?::=|=>|[:=,(])\s*` +
				`\\?["'` + "`" + `]([^"'` + "`" + `\s\\]{16,})["'` + "`" + `\\]`)},
		{name: "assigned secret", random: true, expr: must(
			`^(?:export )?[A-Z0-9_]*(?:SECRET|PASSWORD|TOKEN|KEY)[A-Z0-9_]*=([^"'\s]{16,})$`)},
	}
}

// leastBits is the entropy, in bits a character, from which text counts as random. Hexadecimal digits reach 4,
// base64 some 4.5 in 24 characters; the digits it also asks for tell it from words.
const leastBits = 3.3

// looksRandom says whether text could have come from a generator: long, mixed, with digits among the letters.
func looksRandom(text string) bool {
	if strings.ContainsAny(text, "${}<>() ") { // a reference to a value, or a template of one
		return false
	}
	digits, letters := 0, 0
	count := map[rune]int{}
	for _, r := range text {
		count[r]++
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return digits >= 2 && letters >= 2 && entropy(count, len(text)) >= leastBits
}

// entropy is Shannon's, in bits a character.
func entropy(count map[rune]int, length int) float64 {
	bits := 0.0
	for _, n := range count {
		p := float64(n) / float64(length)
		bits -= p * math.Log2(p)
	}
	return bits
}
