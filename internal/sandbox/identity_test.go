package sandbox

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

func TestIdentityOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ raw, want string }{
		"in the middle":   {"A: b\r\nX-Presswork-Delivery: p/email/1\r\nC: d\r\n\r\n", "p/email/1"},
		"first":           {"X-Presswork-Delivery: p/email/1\r\n\r\n", "p/email/1"},
		"other letters":   {"A: b\r\nx-presswork-DELIVERY:p/email/1\r\n\r\n", "p/email/1"},
		"folded":          {"A: b\r\nX-Presswork-Delivery:\r\n p/email/1\r\nC: d\r\n\r\n", "p/email/1"},
		"bare line feeds": {"A: b\nX-Presswork-Delivery: p/email/1\n\nbody", "p/email/1"},
		"in the body":     {"A: b\r\n\r\nX-Presswork-Delivery: p/email/1\r\n", ""},
		"no end":          {"A: b\r\nX-Presswork-Delivery: p/email/1", "p/email/1"},
		"none":            {"A: b\r\n\r\n", ""},
		"nothing":         {"", ""},
	} {
		if got := identityOf([]byte(test.raw)); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestMailChannel(t *testing.T) {
	t.Parallel()
	for identity, want := range map[string]string{
		"p/newsletter/1": ChannelNewsletter, "p/email/1": ChannelEmail, "": ChannelEmail, "newsletter": ChannelEmail, "p/x/1": ChannelEmail,
	} {
		if got := mailChannel(identity); got != want {
			t.Errorf("%q: %s", identity, got)
		}
	}
}

// TestIdentitySet checks the compact set against a plain map.
func TestIdentitySet(t *testing.T) {
	t.Parallel()
	identity := rapid.OneOf(
		rapid.StringMatching(`[pq]/(email|newsletter)/[0-9]{1,3}`),
		rapid.StringMatching(`p/email/[0-9]{17,21}`),
		rapid.StringMatching(`[a-c]?/?[-+0a]{0,3}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		set, plain := newIdentitySet(), map[string]int{}
		for _, id := range rapid.SliceOf(identity).Draw(t, "identities") {
			plain[id]++
			if n := set.add(id); n != plain[id] {
				t.Fatalf("%q: %d, want %d", id, n, plain[id])
			}
		}
		clone := set.clone()
		if got := maps.Collect(clone.all()); !maps.Equal(got, plain) {
			t.Fatalf("all %v, want %v", got, plain)
		}
		probe := identity.Draw(t, "probe")
		if got := set.count(probe); got != plain[probe] {
			t.Fatalf("count of %q %d, want %d", probe, got, plain[probe])
		}
	})
}

func FuzzIdentityOf(f *testing.F) {
	f.Add([]byte("A: b\r\nX-Presswork-Delivery:\r\n p/email/1\r\n\r\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) { publicationOf(identityOf(raw)) })
}
