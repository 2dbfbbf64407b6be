package client

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func read(stream string) []event {
	var all []event
	for e, err := range events(strings.NewReader(stream)) {
		if err == nil {
			all = append(all, e)
		}
	}
	return all
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream string
		want   []event
	}{
		"one":               {"retry: 2000\n\nid: a\nevent: progress\ndata: {}\n\n", []event{{"a", "progress", "{}"}}},
		"comments":          {":\n\n: beat\n\ndata:x\n\n", []event{{"", "", "x"}}},
		"lines of data":     {"data: a\ndata: b\ndata\n\n", []event{{"", "", "a\nb\n"}}},
		"ids hold":          {"id: a\ndata: 1\n\ndata: 2\n\n", []event{{"a", "", "1"}, {"a", "", "2"}}},
		"not finished":      {"data: 1\n\ndata: 2\n", []event{{"", "", "1"}}},
		"Windows' lines":    {"id: a\r\ndata: 1\r\n\r\n", []event{{"a", "", "1"}}},
		"no data":           {"event: progress\n\n", nil},
		"only one blank":    {"data:  x\n\n", []event{{"", "", " x"}}},
		"what is not known": {"other: x\ndata: y\n\n", []event{{"", "", "y"}}},
	} {
		if got := read(c.stream); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestEventsBreakOff with an error, after those that came before, and are read no further than is wanted.
func TestEventsBreakOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stream := io.MultiReader(strings.NewReader("data: 1\n\ndata: 2\n\n"), iotest.ErrReader(broken))
	var got []string
	for e, err := range events(stream) {
		if err != nil {
			if !errors.Is(err, broken) {
				t.Error(err)
			}
			e.data = "error"
		}
		got = append(got, e.data)
	}
	if !slices.Equal(got, []string{"1", "2", "error"}) {
		t.Errorf("%v", got)
	}
	for e := range events(strings.NewReader("data: 1\n\ndata: 2\n\n")) {
		if e.data != "1" {
			t.Errorf("%+v", e)
		}
		break
	}
}

// FuzzEvents: what was written as an event is read as it was, in the middle of anything.
func FuzzEvents(f *testing.F) {
	f.Add("id: x\n", "{}", "a1")
	f.Add(":\r\n\r\ndata", "a\nb", "")
	f.Fuzz(func(t *testing.T, before, data, id string) {
		if strings.ContainsAny(id, "\n\r") || strings.ContainsRune(data, '\r') || len(before)+len(data)+len(id) > maxLine/2 {
			return
		}
		text := before + "\n\nid: " + id + "\n"
		for line := range strings.SplitSeq(data, "\n") {
			text += "data: " + line + "\n"
		}
		all := read(text + "\n")
		if len(all) == 0 {
			t.Fatalf("nothing of %q", text)
		}
		if last := all[len(all)-1]; last.data != data || last.id != id {
			t.Errorf("%+v of %q", last, text)
		}
	})
}
