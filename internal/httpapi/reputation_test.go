package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestReputation(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t, func(d *Deps) { d.Reputation = d.Topics.(ReputationStore) }) //nolint:forcetypeassert // a DB
	one := n.do(http.MethodPost, "/api/v1/publications", n.body(nil)).want(http.StatusAccepted)
	where := one.Header.Get("Location")
	pool := dbtest.Connect(t, n.address)
	for _, sql := range []string{
		`INSERT INTO stat (publication_id, channel_id, kind, hour, total, uniques)
		 SELECT id, 1, k.kind, date_trunc('hour', now()), k.n, k.n FROM publication, (VALUES (4, 900), (5, 100), (6, 9), (7, 3)) AS k (kind, n)`,
		`INSERT INTO reputation_pause (publication_id, channel_id, cause, bad, judged, resumed_at)
		 SELECT id, 1, c.cause, 100, 1000, c.at FROM publication, (VALUES ('bounces', now()), ('complaints', NULL)) AS c (cause, at)`,
		`INSERT INTO reputation_domain (day, domain, delivered, bounced, complained) SELECT (now() AT TIME ZONE 'UTC')::date, d.name, d.n, d.n / 9, d.n / 90
		 FROM (VALUES ('big.example', 900), ('few.example', 80), ('', 5000)) AS d (name, n)`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	got := read[wire.Reputation](n.do(http.MethodGet, "/api/v1/reputation", nil).want(http.StatusOK))
	if len(got.Windows) != 2 || len(got.Paused) != 2 {
		t.Fatalf("%+v", got)
	}
	want := wire.ReputationWindow{Window: "24h", Delivered: 900, Bounced: 100, Complained: 9, SoftBounced: 3, BounceRate: 0.1, ComplaintRate: 0.01,
		BouncesExceeded: true, ComplaintsExceeded: true}
	if got.Windows[0] != want {
		t.Errorf("%+v", got.Windows[0])
	}
	if want := (wire.ReputationDomain{Domain: "big.example", Delivered: 900, Bounced: 100, Complained: 10, BounceRate: 0.1, ComplaintRate: 10. / 900,
		BouncesExceeded: true, ComplaintsExceeded: true}); len(got.Domains) != 1 || got.Domains[0] != want {
		t.Errorf("%+v, want %+v", got.Domains, want)
	}
	for _, p := range got.Paused {
		if !strings.HasSuffix(where, p.PublicationID.String()) || p.Channel != "email" || p.Bad != 100 || p.Judged != 1000 || p.ResumedAt.IsZero() != (p.Cause == "complaints") {
			t.Errorf("%+v", p)
		}
	}
}

func TestReputationPolicy(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Reputation = d.Topics.(ReputationStore) }) //nolint:forcetypeassert // a DB
	const path = "/api/v1/reputation/policy"
	first := a.do(http.MethodGet, path, nil).want(http.StatusOK)
	was := read[wire.ReputationPolicy](first)
	if was.SoftBounces != 5 || was.SoftDays != 3 || was.MinSample != 100 || was.MaxBounceRate != 0.05 || was.MaxComplaintRate != 0.001 || !was.Pause || was.Version != 1 {
		t.Errorf("by default: %+v", was)
	}
	const other = `{"soft_bounces":0,"soft_days":0,"min_sample":500,"max_bounce_rate":0.02,"max_complaint_rate":0.0005,"pause":false}`
	a.do(http.MethodPut, path, other).problem(http.StatusPreconditionRequired, "precondition_required")
	changed := a.do(http.MethodPut, path, other, "If-Match: "+first.Header.Get("ETag")).want(http.StatusOK)
	is := read[wire.ReputationPolicy](changed)
	if is.SoftBounces != 0 || is.MinSample != 500 || is.MaxBounceRate != 0.02 || is.Pause || is.Version != 2 {
		t.Errorf("changed: %+v", is)
	}
	a.do(http.MethodPut, path, other, "If-Match: "+first.Header.Get("ETag")).want(http.StatusPreconditionFailed)
	a.do(http.MethodGet, path, nil, "If-None-Match: "+changed.Header.Get("ETag")).want(http.StatusNotModified)
	bad := strings.NewReplacer(`"soft_days":0`, `"soft_days":31`, "0.02", "0", "500", "9").Replace(other)
	a.do(http.MethodPut, path, bad, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input", "/soft_days out_of_range", "/min_sample out_of_range", "/max_bounce_rate out_of_range")
}
