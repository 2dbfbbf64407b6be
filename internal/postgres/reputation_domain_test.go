package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/reputation"
)

// receiversSay notes events of readers by their ids.
func receiversSay(t *testing.T, db *DB, publication int64, kind analytics.Kind, from, to int) {
	t.Helper()
	exec(t, db, `INSERT INTO event (kind, publication_id, channel_id, recipient_id) SELECT $2::smallint, $1::bigint, 1, n FROM generate_series($3::integer, $4::integer) n`,
		publication, int16(kind), from, to)
	caughtUp(t, db)
}

func wantDomains(t *testing.T, db *DB, least, limit int, want ...reputation.Domain) {
	t.Helper()
	got, err := db.ReputationDomains(t.Context(), least, limit)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func domainOf(name string, delivered, bounced, complained int64) reputation.Domain {
	return reputation.Domain{Name: name, Counts: reputation.Counts{Delivered: delivered, Bounced: bounced, Complained: complained}}
}

// TestReceptionByDomain: each recipient's first answer counts for their domain, those of nobody for none.
func TestReceptionByDomain(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 20)
	exec(t, db, `UPDATE subscriber SET email = 'r' || id || CASE WHEN id <= 10 THEN '@big.example' WHEN id <= 16 THEN '@mid.example' ELSE '@own' || id || '.example' END`)
	exec(t, db, `UPDATE subscriber SET email = id || '@deleted.invalid' WHERE id = 20`)
	receiversSay(t, db, id, analytics.Delivered, 1, 8)
	receiversSay(t, db, id, analytics.Bounce, 9, 12)
	receiversSay(t, db, id, analytics.Delivered, 13, 30) // some are no readers
	big, mid := domainOf("big.example", 8, 2, 0), domainOf("mid.example", 4, 2, 0)
	wantDomains(t, db, 2, 10, big, mid)
	wantDomains(t, db, 2, 1, big)
	wantDomains(t, db, 7, 10, big)
	receiversSay(t, db, id, analytics.Delivered, 1, 8) // said once more
	receiversSay(t, db, id, analytics.Complaint, 1, 1)
	receiversSay(t, db, id, analytics.Open, 1, 8)
	wantDomains(t, db, 7, 10, domainOf("big.example", 8, 2, 1))
	if n := value[int](t, db, `SELECT count(*)::int FROM reputation_domain`); n != 5 {
		t.Errorf("%d domains", n)
	}
}

// TestDomainsAreBounded: beyond so many a day they count together, and those that have a row go on; old ones are forgotten.
func TestDomainsAreBounded(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 4)
	exec(t, db, `UPDATE subscriber SET email = 'r' || id || CASE WHEN id <= 2 THEN '@big.example' ELSE '@d' || id || '.example' END`)
	exec(t, db, `INSERT INTO reputation_domain (day, domain, delivered) SELECT (now() AT TIME ZONE 'UTC')::date, 'x' || n, 1 FROM generate_series(1, $1) n`, domainsADay-1)
	receiversSay(t, db, id, analytics.Delivered, 1, 4)
	receiversSay(t, db, id, analytics.Complaint, 1, 4)
	wantDomains(t, db, 2, 10, domainOf("big.example", 2, 0, 2))
	if got := value[string](t, db, `SELECT delivered || ' ' || complained FROM reputation_domain WHERE domain = ''`); got != "2 2" {
		t.Errorf("together %s", got)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM reputation_domain`); n != domainsADay+1 {
		t.Errorf("%d rows", n)
	}
	exec(t, db, `UPDATE reputation_domain SET day = day - 7 WHERE domain = 'big.example'`)
	wantDomains(t, db, 2, 10)
	exec(t, db, `UPDATE reputation_domain SET day = day - 24 WHERE domain = 'big.example'`)
	if n, err := db.purgeDomains(t.Context(), time.Now().Add(-domainsKept), 10); err != nil || n != 1 {
		t.Errorf("%d forgotten, %v", n, err)
	}
}
