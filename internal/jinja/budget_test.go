package jinja

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/template"
)

// TestTime does not count what a busy machine took for itself, and still ends what goes on and on.
func TestTime(t *testing.T) {
	t.Parallel()
	b := newBudget(0)
	charge := func() error {
		for range clockEvery - 1 {
			if err := b.spend(0); err != nil {
				return err
			}
		}
		b.looked = b.looked.Add(-time.Hour) // an hour goes by
		return b.spend(0)
	}
	for range int(template.MaxTime / clockMost) {
		if err := charge(); err != nil {
			t.Fatalf("ended after %v: %v", b.took, b.limit)
		}
	}
	if err := charge(); err == nil || b.limit != "time" {
		t.Errorf("goes on after %v", b.took)
	}
}
