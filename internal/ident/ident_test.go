package ident

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNewIsVersion7AndSorts(t *testing.T) {
	t.Parallel()
	earlier, later := at(time.UnixMilli(1700000000000)), at(time.UnixMilli(1700000000001))
	if earlier.String() >= later.String() {
		t.Errorf("%s does not sort before %s", earlier, later)
	}
	if got := earlier.String()[:13]; got != "018bcfe5-6800" {
		t.Errorf("the time is written as %s", got)
	}
	seen := map[UID]bool{}
	for range 1000 {
		u := New()
		if u[6]>>4 != 7 || u[8]>>6 != 2 || seen[u] {
			t.Fatalf("%s", u)
		}
		seen[u] = true
	}
}

func TestTextRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := UID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		text, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		var back, scanned UID
		if err := json.Unmarshal(text, &back); err != nil || back != u {
			t.Fatalf("%s came back as %s, %v", u, back, err)
		}
		value, err := u.Value()
		if err != nil || scanned.Scan(value) != nil || scanned != u {
			t.Fatalf("%s was scanned as %s, %v", u, scanned, err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "0191e5a2", "0191e5a27b3c70008000123456789abc", "0191e5a2-7b3c-7000-8000-12345678zabc",
		"{0191e5a2-7b3c-7000-8000-1234567890a}", "0191e5a2-7b3c-7000-80001-23456789abc"} {
		if u, err := Parse(text); !errors.Is(err, ErrFormat) {
			t.Errorf("%q was read as %s", text, u)
		}
	}
	var u UID
	if !u.IsZero() || u.Scan(7) == nil {
		t.Error("a number was scanned")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0191e5a2-7b3c-7000-8000-1234567890ab")
	f.Add("0191E5A2-7B3C-7000-8000-1234567890AB")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			return
		}
		if back, err := Parse(u.String()); err != nil || back != u {
			t.Errorf("%q is %s, which is read as %s, %v", text, u, back, err)
		}
	})
}
