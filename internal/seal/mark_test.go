package seal_test

import (
	"bytes"
	"testing"

	"github.com/presswork/presswork/internal/seal"
)

// TestMark knows data again, also after the key was rotated, and nothing else; another key's mark is another.
func TestMark(t *testing.T) {
	t.Parallel()
	newest, previous := bytes.Repeat([]byte("n"), 32), bytes.Repeat([]byte("p"), 32)
	old, err := seal.New(previous)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := seal.New(newest, previous)
	if err != nil {
		t.Fatal(err)
	}
	data, mark := []byte("settings and secrets"), old.Mark([]byte("settings and secrets"))
	if !old.Marked(mark, data) || !rotated.Marked(mark, data) || !rotated.Marked(rotated.Mark(data), data) {
		t.Error("it is not known again")
	}
	if old.Marked(rotated.Mark(data), data) || old.Marked(mark, data[1:]) || old.Marked(nil, data) || old.Marked(mark[1:], data) {
		t.Error("something else is taken for it")
	}
	if bytes.Equal(mark, rotated.Mark(data)) || bytes.Contains(mark, data[:8]) || len(mark) != 32 {
		t.Errorf("a mark of %d bytes", len(mark))
	}
}
