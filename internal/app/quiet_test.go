package app

import (
	"io"
	"log"
	"testing"
)

// TestQuiet: what a library writes by the standard logger does not come between our lines.
func TestQuiet(t *testing.T) {
	before := log.Writer()
	t.Cleanup(func() { log.SetOutput(before) })
	log.SetOutput(t.Output())
	Quiet()
	if log.Writer() != io.Discard {
		t.Error("it is written somewhere")
	}
}
