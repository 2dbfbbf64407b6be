package bench

import (
	"maps"
	"testing"

	"github.com/google/pprof/profile"
)

// A sample counts for what its innermost frame that is known is for, and what nobody knows for the rest.
func TestShares(t *testing.T) {
	t.Parallel()
	const own = "github.com/presswork/presswork/internal/"
	stack := func(cpu int64, frames ...string) *profile.Sample {
		s := &profile.Sample{Value: []int64{1, cpu}}
		for _, name := range frames {
			s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		return s
	}
	serve := []string{own + "httpapi.New.authenticate.func1", "github.com/gin-gonic/gin.(*Context).Next", "net/http.(*conn).serve"}
	p := &profile.Profile{Sample: []*profile.Sample{
		stack(10, append([]string{"crypto/sha256.block", own + "auth.ParseSecret"}, serve...)...),
		stack(20, append([]string{"runtime.mallocgc", own + "httpapi.treeParser.object", own + "httpapi.decode[...]", own + "httpapi.publications.create"}, serve...)...),
		stack(20, append([]string{own + "publication.Parse", own + "httpapi.publications.create"}, serve...)...),
		stack(30, "runtime.futex", "runtime.schedule"),
		stack(20, "internal/poll.(*FD).Read", "net/http.(*conn).serve"),
		{Value: []int64{1, 0}, Location: []*profile.Location{{Line: []profile.Line{{}}}}},
	}}
	want := map[string]float64{"authentication": 0.1, "validation": 0.4, elsewhere: 0.3, "HTTP": 0.2}
	if got := shares(p); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := shares(&profile.Profile{}); len(got) != 0 {
		t.Errorf("of nothing %v", got)
	}
}
