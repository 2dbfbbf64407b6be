package client

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		policy, limit []string
		want          []Limit
	}{
		{"none", nil, nil, nil},
		{"two", []string{`"address";q=100;w=60, "principal";q=1000;w=3600`}, []string{`"principal";r=7;t=30`},
			[]Limit{{"address", 100, time.Minute, -1, 0}, {"principal", 1000, time.Hour, 7, 30 * time.Second}}},
		{"two lines", []string{`"a";q=1;w=2`, `"b";q=3;w=4`}, nil, []Limit{{"a", 1, 2 * time.Second, -1, 0}, {"b", 3, 4 * time.Second, -1, 0}}},
		{"no policy", nil, []string{`"a";r=0;t=5`}, []Limit{{"a", 0, 0, 0, 5 * time.Second}}},
		{"nonsense", []string{`a;q=1`, `"";q=1`, `,;,`, `"a;q`}, []string{`"a"`, `"b";r=x`}, nil},
	} {
		got := limits(http.Header{"Ratelimit-Policy": c.policy, "Ratelimit": c.limit})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// FuzzLimits: whatever the headers are, every limit has a name and no number is negative, but for what is not known.
func FuzzLimits(f *testing.F) {
	f.Add(`"key";q=1000;w=60`, `"key";r=995;t=12`)
	f.Add(`"a";q=1, "b";w=3`, `"c";r=18446744073709551615`)
	f.Add(`"";;;==`, `,,"x`)
	f.Fuzz(func(t *testing.T, policy, limit string) {
		for _, l := range limits(http.Header{"Ratelimit-Policy": {policy}, "Ratelimit": {limit}}) {
			if l.Name == "" || l.Quota < 0 || l.Window < 0 || l.Remaining < -1 || l.Reset < 0 {
				t.Errorf("%+v of %q and %q", l, policy, limit)
			}
		}
	})
}
