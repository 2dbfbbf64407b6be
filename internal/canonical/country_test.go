package canonical_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/canonical"
)

func TestCountry(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"PT": "PT", "de": "DE", "gB": "GB", "US": "US", "TW": "TW", "AQ": "AQ", "XK": "XK"} {
		if got, err := canonical.Country(given); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", given, got, err, want)
		}
	}
	for _, given := range []string{"", "P", "PRT", "620", "UK", "DD", "YU", "SU", "EU", "UN", "ZZ", "AA", "XA", "QO", "419", "É", " PT", "p\xff"} {
		if got, err := canonical.Country(given); !errors.Is(err, canonical.ErrCountry) {
			t.Errorf("%q became %q, %v", given, got, err)
		}
	}
	if all := canonical.Countries(); len(all) != 250 || len(slices.Compact(all)) != 250 { // 249 and XK
		t.Errorf("%d countries", len(all))
	}
}

func FuzzCountry(f *testing.F) {
	f.Add("pt")
	f.Add("UK")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := canonical.Country(text)
		if err != nil {
			return
		}
		if again, err := canonical.Country(first); err != nil || again != first || len(first) != 2 {
			t.Fatalf("%q became %q and then %q, %v", text, first, again, err)
		}
	})
}
