package subscriber_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/subscriber"
)

func TestNewTopic(t *testing.T) {
	t.Parallel()
	got, err := subscriber.NewTopic(" World  News ", "", " What  happens ", true)
	if err != nil || got.Description != "What  happens" || !got.Public || got.Name != "World  News" || got.Slug != "world news" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = subscriber.NewTopic("C++", "cpp", "", false); err != nil || got.Slug != "cpp" || got.Public {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, c := range []struct {
		name, slug, description string
		want                    []string
	}{
		{"", "", "", []string{"/name required"}},
		{"C++", "", "", []string{"/slug format"}},
		{strings.Repeat("x", 101), "ok", "", []string{"/name too_long"}},
		{"a\nb", "a/b", "a\tb", []string{"/name format", "/description format", "/slug format"}},
		{"a", "", strings.Repeat("é", 301), []string{"/description too_long"}},
	} {
		if _, err := subscriber.NewTopic(c.name, c.slug, c.description, true); !slices.Equal(pointers(t, err), c.want) {
			t.Errorf("%q, %q: %v", c.name, c.slug, err)
		}
	}
}

// Nobody can take the address of a deleted subscriber.
func TestTombstoneIsNoAddress(t *testing.T) {
	t.Parallel()
	_, err := subscriber.New(subscriber.Input{Email: "x" + strings.ToUpper(subscriber.TombstoneSuffix)})
	if got := pointers(t, err); !slices.Equal(got, []string{"/email format"}) {
		t.Errorf("got %q", got)
	}
}
