package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// putOffs answers with what it has, or that there is no such publication.
type putOffs []delivery.DeferredCount

func (p putOffs) CountDeferred(context.Context, ident.UID) ([]delivery.DeferredCount, error) {
	if p == nil {
		return nil, fault.New(fault.NotFound, "not_found", "")
	}
	return p, nil
}

// TestDeferred says how many are put off, why and until when; of what has nothing put off, that it has nothing.
func TestDeferred(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 31, 6, 0, 0, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		list putOffs
		want string
	}{
		"two reasons": {
			putOffs{{Channel: 1, Reason: delivery.QuietHours, Count: 30, Due: 4, First: at, Last: at.Add(time.Hour)},
				{Channel: 2, Reason: delivery.Gathered, Count: 5, First: at, Last: at}},
			`{"total":35,"due":4,"reasons":[` +
				`{"channel":"email","reason":"quiet_hours","count":30,"due":4,"first_due_at":"2030-01-31T05:00:00Z","last_due_at":"2030-01-31T06:00:00Z"},` +
				`{"channel":"newsletter","reason":"digest","count":5,"due":0,"first_due_at":"2030-01-31T05:00:00Z","last_due_at":"2030-01-31T05:00:00Z"}]}`,
		},
		"nothing": {putOffs{}, `{"total":0,"due":0,"reasons":[]}`},
	} {
		a := serve(t, nil, func(d *Deps) { d.Deferred = c.list })
		if got := a.do("GET", somePublication+"/deferred", nil).want(http.StatusOK).Body; strings.TrimSpace(got) != c.want {
			t.Errorf("%s: got  %s\nwant %s", name, got, c.want)
		}
	}
	a := serve(t, nil, func(d *Deps) { d.Deferred = putOffs(nil) })
	a.do("GET", somePublication+"/deferred", nil).problem(http.StatusNotFound, "not_found")
	a.do("GET", "/api/v1/publications/17/deferred", nil).problem(http.StatusNotFound, "not_found")
}
