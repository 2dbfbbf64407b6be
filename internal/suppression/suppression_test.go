package suppression

import (
	"bytes"
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
	for reason, want := range map[Reason]string{Bounce: "bounce", Complaint: "complaint", Manual: "manual", 9: "unknown"} {
		if got := reason.String(); got != want {
			t.Errorf("%d is %q", reason, got)
		}
	}
}
