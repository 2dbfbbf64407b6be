package cell

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "plain": "plain", "a=1": "a=1", "'quoted": "'quoted", "=1+1": "'=1+1", "+49": "'+49", "-1": "'-1", "@cmd": "'@cmd",
		"\t=1": "'\t=1", "＝1": "'＝1", "'=1": "''=1",
	} {
		if got := Guard(text); got != want {
			t.Errorf("%q is guarded as %q, want %q", text, got, want)
		}
	}
}

// TestUnguard gives back what was there, and nothing that is guarded is a formula.
func TestUnguard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+@\t＝-]{0,4}[a-z]?`)).Draw(t, "text")
		guarded := Guard(text)
		if back := Unguard(guarded); back != text {
			t.Fatalf("%q came back as %q", text, back)
		}
		if strings.IndexAny(guarded, formulaSigns) == 0 {
			t.Fatalf("%q is a formula", guarded)
		}
	})
}
