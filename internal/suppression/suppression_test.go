package suppression

import (
	"bytes"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
)

var (
	first  = []byte("0123456789abcdef0123456789abcdef")
	second = []byte("fedcba9876543210fedcba9876543210")
)

func TestHashes(t *testing.T) {
	t.Parallel()
	before, err := NewHasher(first)
	if err != nil {
		t.Fatal(err)
	}
	after, err := NewHasher(second, first)
	if err != nil {
		t.Fatal(err)
	}
	const address = "anna@reader.example"
	was, is := before.Hashes(address), after.Hashes(address)
	if len(was) != 1 || len(is) != 2 || !bytes.Equal(was[0], is[1]) || bytes.Equal(was[0], is[0]) {
		t.Error("a hash of the previous key is not found after the key was changed")
	}
	if bytes.Equal(was[0], before.Hashes("bert@reader.example")[0]) || !bytes.Equal(was[0], before.Hashes(address)[0]) {
		t.Error("hashes of different addresses agree, or those of one differ")
	}
	var none *Hasher
	if none.Hashes(address) != nil {
		t.Error("a process without a key made a hash")
	}
	if _, err := NewHasher([]byte("short")); err == nil {
		t.Error("a short secret was taken")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if got, err := Parse(" Anna@Reader.EXAMPLE "); err != nil || got != "anna@reader.example" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Parse("nobody"); !fault.Is(err, fault.Invalid) {
		t.Errorf("an address that is none: %v", err)
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for reason, want := range map[Reason]string{Bounce: "bounce", Complaint: "complaint", Manual: "manual", SoftBounce: "soft_bounce", 9: "unknown"} {
		if got := reason.String(); got != want {
			t.Errorf("%d is %q", reason, got)
		}
		if got, ok := ParseReason(want); ok != (reason <= SoftBounce) || ok && got != reason {
			t.Errorf("%q is read as %d, %v", want, got, ok)
		}
		if reason.Withdraws() != (reason == Complaint || reason == Manual) {
			t.Errorf("%s withdraws %v", want, reason.Withdraws())
		}
	}
}

func TestManually(t *testing.T) {
	t.Parallel()
	address, entry, err := Manually(" Anna@Reader.EXAMPLE ", " by telephone ")
	if err != nil || address != "anna@reader.example" || entry.Note != "by telephone" || entry.Reason != Manual || entry.Source != SourceAPI {
		t.Errorf("%q, %+v, %v", address, entry, err)
	}
	for _, wrong := range [][2]string{{"nobody", ""}, {"a@x.org", "a\nb"}, {"a@x.org", "says b@x.org"}, {"a@x.org", strings.Repeat("é", MaxNote+1)}} {
		if _, _, err := Manually(wrong[0], wrong[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, _, err := Manually("a@x.org", strings.Repeat("é", MaxNote)); err != nil {
		t.Error(err)
	}
}
