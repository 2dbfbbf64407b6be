package postgres

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/webhook"
)

// hooks is a store of endpoints on a database.
func hooks(tb testing.TB, db *DB, keys ...string) *Webhooks {
	tb.Helper()
	if len(keys) == 0 {
		keys = []string{"a key of thirty-two bytes, or more"}
	}
	previous := [][]byte{}
	for _, key := range keys[1:] {
		previous = append(previous, []byte(key))
	}
	sealer, err := seal.New([]byte(keys[0]), previous...)
	if err != nil {
		tb.Fatal(err)
	}
	return db.Webhooks(sealer)
}

// endpoint stores one that is on and takes these types; none: all.
func (s *Webhooks) endpoint(tb testing.TB, events ...string) webhook.Endpoint {
	tb.Helper()
	e, err := s.CreateEndpoint(tb.Context(), webhook.Endpoint{UID: ident.New(), URL: "https://crm.example.org", Events: events, Enabled: true,
		Secrets: webhook.Secrets{Current: webhook.NewSecret()}})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// happen stores n events that all endpoints take which are on.
func happen(tb testing.TB, db *DB, n int) []ident.UID {
	tb.Helper()
	var ids []ident.UID
	err := db.tx(tb.Context(), "test", func(tx pgx.Tx) error {
		ids = nil
		for range n {
			ids = append(ids, ident.New())
			err := db.announce(tb.Context(), tx, webhook.Event{UID: ids[len(ids)-1], Type: webhook.PublicationSending, Subject: "publications/1",
				Data: map[string]int{"n": len(ids)}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return ids
}

func (s *Webhooks) claim(tb testing.TB, e webhook.Endpoint, limit int) webhook.Claim {
	tb.Helper()
	c, err := s.ClaimDue(tb.Context(), e.ID, limit, time.Minute)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// posted records the same answer for all of a claim.
func (s *Webhooks) posted(tb testing.TB, c webhook.Claim, a webhook.Answer) webhook.Reason {
	tb.Helper()
	var posts []webhook.Post
	for _, item := range c.Items {
		posts = append(posts, webhook.Post{Claimed: item, At: time.Now(), Took: 12 * time.Millisecond, Answer: a,
			Verdict: webhook.Judge(a, item.Step, c.Failing, half)})
	}
	standing, err := s.RecordPosts(tb.Context(), c, posts)
	if err != nil {
		tb.Fatal(err)
	}
	if got, err := s.Endpoint(tb.Context(), c.Endpoint.UID); err != nil || standing.Changed && got.Version == c.Endpoint.Version {
		tb.Errorf("changed, and is %+v, %v", got, err)
	}
	return standing.Disabled
}

func (s *Webhooks) states(tb testing.TB, e webhook.Endpoint) map[webhook.State]int {
	tb.Helper()
	list, err := s.ListWebhooks(tb.Context(), e.UID, webhook.Filter{}, 0, 1000)
	if err != nil {
		tb.Fatal(err)
	}
	counts := map[webhook.State]int{}
	for _, d := range list {
		counts[d.State]++
	}
	return counts
}

// later has everything of all endpoints happen so much earlier.
func later(tb testing.TB, db *DB, by string) {
	tb.Helper()
	exec(tb, db, `UPDATE webhook_message SET due_at = due_at - '`+by+`'::interval`)
	exec(tb, db, `UPDATE webhook_endpoint SET failing_since = failing_since - '`+by+`'::interval, wait_until = wait_until - '`+by+`'::interval`)
}

var good, bad = webhook.Answer{Status: 204}, webhook.Answer{Status: 500}

func TestPostedOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	ids := happen(t, db, 3)
	if due, err := s.DueEndpoints(t.Context()); err != nil || len(due) != 1 || due[0] != e.ID {
		t.Fatalf("due %v, %v", due, err)
	}
	c := s.claim(t, e, 10)
	if len(c.Items) != 3 || c.Endpoint.Secrets.Current != e.Secrets.Current || len(s.claim(t, e, 10).Items) != 0 {
		t.Fatalf("%+v", c)
	}
	body, err := c.Items[0].Event.Encode("https://news.example.org")
	again, _ := c.Items[0].Event.Encode("https://news.example.org")
	if err != nil || !bytes.Equal(body, again) || c.Items[0].Event.UID != ids[0] {
		t.Errorf("%s, %v", body, err)
	}
	s.posted(t, c, good)
	d, attempts, err := s.Webhook(t.Context(), e.UID, ids[0])
	if err != nil || d.State != webhook.Delivered || d.Attempts != 1 || d.SettledAt == nil || len(attempts) != 1 || attempts[0].Status != 204 ||
		attempts[0].Error != "" || attempts[0].Took != 12*time.Millisecond || d.Last == nil || *d.Last != attempts[0] {
		t.Errorf("%+v %+v, %v", d, attempts, err)
	}
	later(t, db, "1 year")
	if due, err := s.DueEndpoints(t.Context()); err != nil || len(due) != 0 {
		t.Errorf("due again: %v, %v", due, err)
	}
}

// TestTwoWorkers claim the same events: each gets some, none gets what the other has.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 200)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[ident.UID]int{}
	for range 4 {
		wg.Go(func() {
			for {
				c, err := s.ClaimDue(t.Context(), e.ID, 7, time.Minute)
				if err != nil || len(c.Items) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, item := range c.Items {
					seen[item.Event.UID]++
				}
				mu.Unlock()
				s.posted(t, c, good)
			}
		})
	}
	wg.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was posted %d times", id, n)
		}
	}
	if counts := s.states(t, e); len(seen) != 200 || counts[webhook.Delivered] != 200 {
		t.Errorf("%d were posted: %v", len(seen), counts)
	}
}

// TestKilledWorker: one dies between its call and the record. What it had comes again when its lease is over, and what it says
// after that changes nothing.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	ids := happen(t, db, 2)
	dead := s.claim(t, e, 10)
	later(t, db, "59 seconds")
	if n := len(s.claim(t, e, 10).Items); n != 0 {
		t.Fatalf("%d are claimed twice within a lease", n)
	}
	later(t, db, "2 seconds")
	next := s.claim(t, e, 10)
	if len(next.Items) != 2 || next.Items[0].Event.UID != ids[0] {
		t.Fatalf("%+v", next.Items)
	}
	s.posted(t, dead, webhook.Answer{Status: 410, Error: "late"})
	if counts := s.states(t, e); counts[webhook.Pending] != 2 || value[int](t, db, `SELECT count(*) FROM webhook_attempt`) != 0 {
		t.Errorf("a late word counted: %v", counts)
	}
}

func TestRetriesAndFails(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	id := happen(t, db, 1)[0]
	for n := range 3 {
		c := s.claim(t, e, 10)
		if len(c.Items) != 1 || c.Items[0].Step != n {
			t.Fatalf("attempt %d: %+v", n+1, c.Items)
		}
		s.posted(t, c, bad)
		if due := len(s.claim(t, e, 10).Items); due != 0 {
			t.Fatal("due again at once")
		}
		later(t, db, "1 hour")
	}
	d, attempts, err := s.Webhook(t.Context(), e.UID, id)
	if err != nil || d.State != webhook.Failed || d.Attempts != 3 || len(attempts) != 3 || attempts[2].Number != 3 || attempts[2].Error != "Internal Server Error" {
		t.Errorf("%+v, %v, %v", d, attempts, err)
	}
	got, err := s.Endpoint(t.Context(), e.UID)
	if err != nil || got.FailingSince == nil || time.Since(*got.FailingSince) < 3*time.Hour || got.Version != e.Version || !got.Enabled {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBack: what was not tried is due at once, and no attempt was made of it.
func TestBack(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 1)
	c := s.claim(t, e, 1)
	if _, err := s.RecordPosts(t.Context(), c, []webhook.Post{{Claimed: c.Items[0], Back: true}}); err != nil {
		t.Fatal(err)
	}
	if again := s.claim(t, e, 1); len(again.Items) != 1 || again.Items[0].Step != 0 || value[int](t, db, `SELECT count(*) FROM webhook_attempt`) != 0 {
		t.Errorf("%+v", again.Items)
	}
}

// TestHealth: an endpoint that fails is asked for one event at a time, one that asks for less is left alone, and a success ends both.
func TestHealth(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 10)
	s.posted(t, s.claim(t, e, 2), webhook.Answer{Status: 429, Told: true, RetryAfter: 10 * time.Minute})
	if due, err := s.DueEndpoints(t.Context()); err != nil || len(due) != 0 || len(s.claim(t, e, 10).Items) != 0 {
		t.Errorf("held, and due: %v, %v", due, err)
	}
	later(t, db, "11 minutes")
	one := s.claim(t, e, 10)
	if len(one.Items) != 1 || one.Failing < 11*time.Minute {
		t.Fatalf("%d of one that fails, for %v", len(one.Items), one.Failing)
	}
	s.posted(t, one, good)
	if rest := s.claim(t, e, 10); len(rest.Items) != 9 || rest.Failing != 0 {
		t.Errorf("%d of one that is well, %v", len(rest.Items), rest.Failing)
	}
}

// TestDisabled: by 410 at once, and by nothing but failures for five days; the others are told, and the audit log says so.
func TestDisabled(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	gone, failing, told := s.endpoint(t), s.endpoint(t), s.endpoint(t, "webhook_endpoint.disabled")
	happen(t, db, 3)
	if why := s.posted(t, s.claim(t, gone, 1), webhook.Answer{Status: 410}); why != webhook.Gone {
		t.Errorf("410: %q", why)
	}
	if why := s.posted(t, s.claim(t, failing, 1), bad); why != "" {
		t.Errorf("the first failure: %q", why)
	}
	later(t, db, "119 hours")
	if why := s.posted(t, s.claim(t, failing, 1), bad); why != "" {
		t.Errorf("before five days: %q", why)
	}
	later(t, db, "2 hours")
	c := s.claim(t, failing, 1)
	well := c // of another process that has a success meanwhile
	if why := s.posted(t, c, bad); why != webhook.Failing {
		t.Errorf("after five days: %q", why)
	}
	if why := s.posted(t, well, bad); why != "" {
		t.Errorf("switched off twice: %q", why)
	}
	for e, why := range map[ident.UID]webhook.Reason{gone.UID: webhook.Gone, failing.UID: webhook.Failing} {
		got, err := s.Endpoint(t.Context(), e)
		if err != nil || got.Enabled || got.DisabledReason != why || got.DisabledAt == nil || got.Version != 2 {
			t.Errorf("%s: %+v, %v", why, got, err)
		}
		if n := value[int](t, db, `SELECT count(*) FROM audit_event WHERE entity_uid = $1 AND action = 'webhook_endpoint.disable' AND actor = 'system' AND changes->>'reason' = $2`, e, string(why)); n != 1 {
			t.Errorf("%s: %d lines in the audit log", why, n)
		}
	}
	if items := s.claim(t, told, 10).Items; len(items) != 2 || items[0].Event.Subject != "webhook-endpoints/"+gone.UID.String() {
		t.Errorf("the others were told %+v", items)
	}
	if b, err := db.WebhookBacklog(t.Context()); err != nil || b.Off != 2 || b.Pending != 2 {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestSlowClock: since when an endpoint fails is said by the database. A worker whose clock is days behind has nobody switched off.
func TestSlowClock(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 2)
	for n := range 2 {
		c := s.claim(t, e, 1)
		standing, err := s.RecordPosts(t.Context(), c, []webhook.Post{{Claimed: c.Items[0], At: time.Now().Add(-7 * 24 * time.Hour),
			Answer: bad, Verdict: webhook.Judge(bad, 0, c.Failing, half)}})
		if err != nil || standing.Disabled != "" {
			t.Fatalf("failure %d: %+v, %v", n+1, standing, err)
		}
	}
	if failing := value[time.Duration](t, db, `SELECT clock_timestamp() - failing_since FROM webhook_endpoint`); failing < 0 || failing > time.Hour {
		t.Errorf("fails for %v", failing)
	}
}

// half is a schedule of one try and two retries.
func half(n int) (time.Duration, bool) { return time.Hour, n < 3 }

// TestRecordedTwice: what is recorded once more, since nobody knew whether it was, is one attempt.
func TestRecordedTwice(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	id := happen(t, db, 1)[0]
	c := s.claim(t, e, 1)
	for range 2 {
		s.posted(t, c, bad)
	}
	if d, attempts, err := s.Webhook(t.Context(), e.UID, id); err != nil || d.Attempts != 1 || len(attempts) != 1 {
		t.Errorf("%d attempts, %+v, %v", d.Attempts, attempts, err)
	}
}

// TestSuccessElsewhere: of an endpoint that failed for five days, as one process knows it, another one has just had a success.
func TestSuccessElsewhere(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 3)
	s.posted(t, s.claim(t, e, 1), bad)
	later(t, db, "6 days")
	one, other := s.claim(t, e, 1), s.claim(t, e, 1)
	s.posted(t, other, good)
	if why := s.posted(t, one, bad); why != "" {
		t.Errorf("switched off: %q", why)
	}
	if got, err := s.Endpoint(t.Context(), e.UID); err != nil || !got.Enabled {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestStaleVersion: what a call to the old address came to says nothing about the new one, which is told of the event as well.
func TestStaleVersion(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 1)
	c := s.claim(t, e, 1)
	_, err := s.UpdateEndpoint(t.Context(), e.UID, "update", func(e webhook.Endpoint) (webhook.Endpoint, error) {
		e.URL += "/new"
		return e, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if why := s.posted(t, c, webhook.Answer{Status: 410}); why != "" {
		t.Errorf("switched off: %q", why)
	}
	again := s.claim(t, e, 1)
	if counts := s.states(t, e); counts[webhook.Pending] != 1 || len(again.Items) != 1 || again.Items[0].Step != 0 {
		t.Fatalf("%v, claimed %+v", counts, again.Items)
	}
	if why := s.posted(t, again, webhook.Answer{Status: 410}); why != webhook.Gone || s.states(t, e)[webhook.Failed] != 1 {
		t.Errorf("the new one: %q, %v", why, s.states(t, e))
	}
}
