package auth

import (
	"regexp"
	"strings"
	"testing"
)

func TestSecretsComeBack(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^pwk_[0-9A-Za-z]{10}_[0-9A-Za-z]{33}$`)
	seen := map[string]bool{}
	for range 200 {
		text, prefix, hash := NewSecret()
		if !form.MatchString(text) || seen[text] || seen[prefix] {
			t.Fatalf("%q", text)
		}
		seen[text], seen[prefix] = true, true
		if p, h, ok := ParseSecret(text); !ok || p != prefix || !h.Equal(hash) {
			t.Fatalf("%q comes back as %q, %t", text, p, ok)
		}
	}
}

// TestEveryCharacterIsUsed: a secret of 27 characters has 160 bits only if each of the 62 is as likely.
func TestEveryCharacterIsUsed(t *testing.T) {
	t.Parallel()
	counts := map[rune]int{}
	for _, c := range random(62_000) {
		counts[c]++
	}
	for _, c := range alphabet {
		if n := counts[c]; n < 800 || n > 1200 { // 1,000 ± 6.3 standard deviations
			t.Errorf("%q came %d times in 62,000", c, n)
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d characters", len(counts))
	}
}

// TestEveryTypoIsToldAtOnce, without a look-up: each changed, left out or doubled character, and each swapped pair.
func TestEveryTypoIsToldAtOnce(t *testing.T) {
	t.Parallel()
	text, _, _ := NewSecret()
	tried := 0
	try := func(typo string) {
		if typo == text {
			return
		}
		tried++
		if _, _, ok := ParseSecret(typo); ok {
			t.Errorf("%q is taken for %q", typo, text)
		}
	}
	for i := range text {
		for _, c := range alphabet + "_-. \n\x00" {
			try(text[:i] + string(c) + text[i+1:])
		}
		try(text[:i] + text[i+1:])
		try(text[:i] + text[i:i+1] + text[i:])
		if i > 0 {
			try(text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:])
		}
	}
	for _, typo := range []string{"", " " + text, text + " ", text + text, strings.ToLower(text) + "x", "pwk_", KeyStart + strings.Repeat("0", keyLen-len(KeyStart)), strings.Replace(text, "pwk_", "PWK_", 1)} {
		try(typo)
	}
	if tried < 3000 {
		t.Errorf("only %d typos", tried)
	}
}

func FuzzParseSecret(f *testing.F) {
	text, _, _ := NewSecret()
	for _, seed := range []string{"", text, text[:len(text)-1], "pwk_aaaaaaaaaa_", strings.Repeat("_", keyLen), "pwk_" + strings.Repeat("ä", 22), "pwk_\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, _, ok := ParseSecret(text)
		if !ok {
			if prefix != "" {
				t.Errorf("%q is no key and has the prefix %q", text, prefix)
			}
			return
		}
		if len(text) != keyLen || !strings.HasPrefix(text, KeyStart+prefix+"_") || checksum(text[:keyLen-sumLen]) != text[keyLen-sumLen:] {
			t.Errorf("%q is taken for a key", text)
		}
	})
}
