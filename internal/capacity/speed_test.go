package capacity

import (
	"testing"

	"github.com/presswork/presswork/tasks"
)

func TestPerSecond(t *testing.T) {
	t.Parallel()
	two := []Worker{{Queues: []string{"email", "slack"}}, {Queues: []string{"email"}}, {Queues: []string{"email"}, Draining: true}}
	for name, c := range map[string]struct {
		load  Load
		kind  string
		want  float64
		known bool
	}{
		"nobody takes them":        {Load{Costs: map[string]Cost{"email": {Worker: 0.01}}}, "email", 0, false},
		"workers as measured":      {Load{Workers: two, Costs: map[string]Cost{"email": {Worker: 0.01}}}, "email", 200, true},
		"the provider takes less":  {Load{Workers: two, Costs: map[string]Cost{"email": {Worker: 0.01}}, Rates: map[string]float64{"email": 14}}, "email", 14, true},
		"only the provider known":  {Load{Workers: two, Rates: map[string]float64{"slack": 1}}, "slack", 1, true},
		"nothing measured":         {Load{Workers: two}, "email", 0, false},
		"a kind that is not there": {Load{Workers: two}, "fax", 0, false},
	} {
		got, known := c.load.PerSecond(c.kind)
		if known != c.known || known && !near(got, c.want) {
			t.Errorf("%s: %v, %t", name, got, known)
		}
	}
}

func TestAhead(t *testing.T) {
	t.Parallel()
	l := Load{Work: []Work{
		{Queue: "critical", Kind: "email", State: Ready, Units: 1},
		{Queue: "critical", Kind: "slack", State: Ready, Units: 1000},
		{Queue: "email", Kind: "email", State: Running, Units: 10},
		{Queue: "email", Kind: "email", State: Paused, Units: 1000},
		{Queue: "email", Kind: "email", State: Later, Units: 1000},
		{Queue: "email-bulk", Kind: "email", State: Unexpanded, Units: 100},
		{Queue: "email-bulk", Kind: "email", State: Retrying, Units: 100},
	}}
	for lane, want := range map[tasks.Lane]float64{tasks.LaneCritical: 1, tasks.LaneNormal: 11, tasks.LaneBulk: 211} {
		if got := l.Ahead("email", lane); got != want {
			t.Errorf("%s: %v ahead, want %v", lane, got, want)
		}
	}
}
