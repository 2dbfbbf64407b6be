package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// run is a publication that gets on with each look at it.
type run struct {
	mu    sync.Mutex
	steps []publication.Progress
	err   error
	stats analytics.Stats
}

func (r *run) PublicationProgress(context.Context, ident.UID) (publication.Progress, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.steps) == 0 {
		return publication.Progress{}, r.err
	}
	p := r.steps[0]
	r.steps = r.steps[1:]
	return p, nil
}

func (r *run) PublicationStats(context.Context, ident.UID) (analytics.Stats, error) {
	return r.stats, r.err
}

func serveRun(t *testing.T, r *run) *api {
	t.Helper()
	return serve(t, nil, func(d *Deps) { d.Progress, d.Analytics = r, r })
}

const somePublication = "/api/v1/publications/0190b5a0-0000-7000-8000-00000000000a"

func step(state publication.State, sent, pending int64) publication.Progress {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return publication.Progress{
		State: state, FanoutDone: true, StartedAt: &start, Now: start.Add(10 * time.Second),
		Channels: []publication.Counts{{Channel: 1, Sent: sent, Failed: 1, Pending: pending}, {Channel: 3, Sending: 1}},
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	a := serveRun(t, &run{
		steps: []publication.Progress{step(publication.Sending, 99, 49), {State: publication.Queued}},
		err:   fault.New(fault.NotFound, "not_found", ""),
	})
	got := a.do("GET", somePublication+"/progress", nil).want(http.StatusOK)
	want := `{"state":"sending","fanout_done":true,` +
		`"all":{"total":150,"pending":49,"sending":1,"sent":99,"failed":1,"skipped":0,"uncertain":0,"deferred":0},` +
		`"channels":[{"channel":"email","total":149,"pending":49,"sending":0,"sent":99,"failed":1,"skipped":0,"uncertain":0,"deferred":0},` +
		`{"channel":"slack","total":1,"pending":0,"sending":1,"sent":0,"failed":0,"skipped":0,"uncertain":0,"deferred":0}],` +
		`"rate_per_second":10,"rate_window_seconds":10,"eta_seconds":5,"next_due_at":null,"started_at":"2030-01-01T00:00:00Z","completed_at":null}`
	if strings.TrimSpace(got.Body) != want {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	early := a.do("GET", somePublication+"/progress", nil).want(http.StatusOK).Body
	if !strings.Contains(early, `"channels":[]`) || !strings.Contains(early, `"eta_seconds":null`) {
		t.Errorf("early: %s", early)
	}
	a.do("GET", somePublication+"/progress", nil).problem(http.StatusNotFound, "not_found")
}

func TestAnalytics(t *testing.T) {
	t.Parallel()
	hour := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	a := serveRun(t, &run{
		steps: []publication.Progress{step(publication.Sending, 10, 2)},
		err:   nil,
		stats: analytics.Stats{{Channel: 1, Kind: analytics.Open, Hour: hour, Total: 7, Uniques: 5}},
	})
	got := a.do("GET", somePublication+"/analytics", nil).want(http.StatusOK)
	body := read[wire.Analytics](got)
	if len(body.Channels) != 2 || body.Channels[0].Opens != (wire.Reaction{Total: 7, Unique: 5, Rate: 0.5}) || body.Channels[0].Sent != 10 || body.Channels[0].Clicks.Total != 0 {
		t.Errorf("%s", got.Body)
	}
	if len(body.Hours) != 1 || body.Hours[0].Kind != "open" || body.Hours[0].Channel != "email" || !body.Hours[0].Hour.Equal(hour) || body.Hours[0].Total != 7 {
		t.Errorf("%s", got.Body)
	}
}
