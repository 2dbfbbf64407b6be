package analytics

import (
	"strings"
	"testing"
)

func TestSums(t *testing.T) {
	t.Parallel()
	stats := Stats{
		{Channel: 1, Kind: Open, Total: 3, Uniques: 2}, {Channel: 1, Kind: Open, Total: 2, Uniques: 1},
		{Channel: 1, Kind: Click, Total: 9, Uniques: 9}, {Channel: 2, Kind: Open, Total: 9, Uniques: 9},
	}
	if got := stats.Of(1, Open); got != (Sum{Total: 5, Uniques: 3}) || got.Rate(6) != 0.5 || got.Rate(0) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range append(Kinds(), 0) {
		names = append(names, k.String())
	}
	if got := strings.Join(names, " "); got != "open click unsubscribe delivered bounce complaint soft_bounce unknown" {
		t.Error(got)
	}
}
