package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

func TestPauses(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Pauses = d.Publications.(PauseStore) })
	for _, scope := range []string{"all", "channel:slack", "queue:email-bulk", "queue:maintenance", "all"} {
		if got := a.do(http.MethodPut, "/api/v1/pauses/"+scope, nil); got.Status != http.StatusNoContent {
			t.Errorf("%s: %d %s", scope, got.Status, got.Body)
		}
	}
	for _, scope := range []string{"nothing", "channel:fax", "queue:fax", "channel:", "all:email"} {
		if got := a.do(http.MethodPut, "/api/v1/pauses/"+scope, nil); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", scope, got.Status, got.Body)
		}
	}
	got := a.do(http.MethodGet, "/api/v1/pauses", nil)
	if got.Status != http.StatusOK || strings.Count(got.Body, `"paused_by":"key:admin"`) != 4 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for range 2 {
		if got := a.do(http.MethodDelete, "/api/v1/pauses/channel:slack", nil); got.Status != http.StatusNoContent {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	if got := a.do(http.MethodGet, "/api/v1/pauses", nil); strings.Contains(got.Body, "channel:slack") {
		t.Errorf("still paused: %s", got.Body)
	}
}

func TestScopesCoverTheRightBatches(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]int{
		"all": 15, "channel:email": 3, "queue:email": 1, "queue:email-bulk": 1, "queue:slack": 2, "queue:critical": 5, "queue:render": 0,
	} {
		if p, err := parseScope(scope); err != nil || len(p.Covers) != want {
			t.Errorf("%s covers %v, %v; want %d", scope, p.Covers, err, want)
		}
	}
}

type fakeQueues struct{ err error }

func (f fakeQueues) QueueDepths(names []string) ([]wire.Queue, error) {
	list := make([]wire.Queue, 0, len(names))
	for _, name := range names {
		list = append(list, wire.Queue{Name: name, Pending: 3})
	}
	return list, f.err
}

func TestQueues(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Queues = fakeQueues{} })
	got := a.do(http.MethodGet, "/api/v1/queues", nil)
	if got.Status != http.StatusOK || strings.Count(got.Body, `"pending":3`) != 14 || !strings.HasPrefix(got.Body, `{"items":[{"name":"analytics"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	away := newAPI(t, func(d *Deps) {
		d.Queues = fakeQueues{fault.Wrap(errors.New("refused"), fault.Unavailable, "redis_unavailable")}
	})
	if got := away.do(http.MethodGet, "/api/v1/queues", nil); got.Status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
