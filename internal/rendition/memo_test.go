package rendition

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestMemo(t *testing.T) {
	t.Parallel()
	m, made := NewMemo(), 0
	get := func(out string, parts ...string) string {
		got, err := m.once(func() (string, error) { made++; return out, nil }, parts...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if get("1", "a", "bc") != "1" || get("2", "a", "bc") != "1" || get("3", "ab", "c") != "3" || made != 2 {
		t.Errorf("made %d times", made)
	}
	failed := errors.New("failed")
	for range 2 {
		if _, err := m.once(func() (string, error) { made++; return "", failed }, "x"); !errors.Is(err, failed) {
			t.Error(err)
		}
	}
	if made != 4 {
		t.Errorf("a failure was remembered: made %d times", made)
	}
	if out, err := (*Memo)(nil).once(func() (string, error) { return "nil", nil }, "a"); out != "nil" || err != nil {
		t.Error(out, err)
	}
}

func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	m, big := NewMemo(), strings.Repeat("x", memoBytes/4)
	for i := range 20 {
		if _, err := m.once(func() (string, error) { return big, nil }, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if m.size > memoBytes || len(m.known) != 4 || len(m.order) != 4 {
		t.Errorf("%d bytes in %d entries", m.size, len(m.known))
	}
	again := false
	if _, err := m.once(func() (string, error) { again = true; return big, nil }, "19"); err != nil || again {
		t.Error("the newest was forgotten")
	}
}
