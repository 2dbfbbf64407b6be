package segment_test

import (
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/segment"
)

// Names are where they are written, also those that Parse sorts, brings into another form or takes out.
func TestNames(t *testing.T) {
	t.Parallel()
	got := segment.Names([]byte(`{"all":[{"topic":{"any":["Music","books","music"]}},{"not":{"topic":{"all":["go"]}}},{"country":["DE"]}]}`), "/rule")
	want := []segment.Name{
		{Pointer: "/rule/all/0/topic/any/0", Topic: "music"}, {Pointer: "/rule/all/0/topic/any/1", Topic: "books"},
		{Pointer: "/rule/all/0/topic/any/2", Topic: "music"}, {Pointer: "/rule/all/1/not/topic/all/0", Topic: "go"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for _, text := range []string{``, `{`, `{"topic":{"any":[]}}`} {
		if got := segment.Names([]byte(text), "/rule"); got != nil {
			t.Errorf("%s names %v", text, got)
		}
	}
}
