package postgres

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/publication"
)

// attempt sends the first batch by an engine, with a provider that answers err.
func attempt(t *testing.T, db *DB, err error) {
	t.Helper()
	e := delivery.NewEngine(db, delivery.Config{Process: "test", Connections: func(int16) int { return 2 },
		Notice: func(message string, err error) { t.Logf("%s: %v", message, err) }})
	open := func(context.Context, *delivery.Batch) (delivery.Way, error) {
		return delivery.Way{Send: func(context.Context, *delivery.Recipient) error { return err }}, nil
	}
	report, runErr := e.Run(t.Context(), 1, 1, open)
	if closeErr := e.Close(t.Context()); runErr != nil || closeErr != nil || report.Stale {
		t.Fatalf("run %+v, %v, %v", report, runErr, closeErr)
	}
}

// answered is a case in which a provider answers err to somebody who is owed.
func answered(err error) func(t *testing.T, db *DB) {
	return func(t *testing.T, db *DB) { sending(t, db, 1); attempt(t, db, err) }
}

// changed is a case in which something changed before it came to sending.
func changed(statements ...string) func(t *testing.T, db *DB) {
	return func(t *testing.T, db *DB) {
		subscribers(t, db, 1)
		fanOut(t, db, queued(t, db, publication.Audience{Topics: []int32{2}}), 1)
		for _, sql := range statements {
			exec(t, db, sql)
		}
		attempt(t, db, nil)
	}
}

func suppressedAs(reason string) func(t *testing.T, db *DB) {
	return changed(`INSERT INTO suppression (uid, hash, reason, source) VALUES (gen_random_uuid(), 'h', `+reason+`, 'test')`,
		`UPDATE subscriber SET suppression_id = (SELECT id FROM suppression)`)
}

// dying is a case in which so many processes die, with the reader on their list or before that.
func dying(times int, listed int64) func(t *testing.T, db *DB) {
	return func(t *testing.T, db *DB) {
		waitForServerAge(t, db)
		sending(t, db, 1)
		for gen := range times {
			die(t, db, gen+1, listed)
		}
	}
}

// reasons has a case for each of the closed list, and the state that goes with it. Each leaves one delivery behind.
var reasons = map[delivery.Reason]struct {
	state delivery.State
	yield func(t *testing.T, db *DB)
}{
	delivery.Unsubscribed: {delivery.Skipped, changed(`UPDATE subscriber SET status = 'unsubscribed'`)},
	delivery.TopicLeft:    {delivery.Skipped, changed(`UPDATE subscriber SET topics = '{1}'`)},
	delivery.Gone:         {delivery.Skipped, changed(`DELETE FROM subscriber`)},
	delivery.CancelledByUser: {delivery.Skipped, func(t *testing.T, db *DB) {
		id := sending(t, db, 1)
		if _, err := db.CancelPublication(t.Context(), publicationUID(t, db, id), func(int) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if err := db.AdvanceOpen(t.Context()); err != nil {
			t.Fatal(err)
		}
	}},
	delivery.Rejected: {delivery.Failed, answered(fault.New(fault.GiveUp, "no_mailbox", "There is no such mailbox."))},
	delivery.RetriesUsed: {delivery.Failed, func(t *testing.T, db *DB) {
		sending(t, db, 1)
		exec(t, db, `UPDATE delivery SET attempt = $1`, delivery.MaxAttempts-1)
		attempt(t, db, fault.New(fault.Retry, "busy", "Later."))
	}},
	delivery.NoAnswer:    {delivery.Uncertain, answered(fault.Wrap(errors.New("cut"), fault.Uncertain, "no_answer"))},
	delivery.ProcessDied: {delivery.Uncertain, dying(1, 1)},
	delivery.ChannelOff: {delivery.Skipped, func(t *testing.T, db *DB) {
		exec(t, db, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'slack', 'slack', 'news')`, ident.New())
		id := queued(t, db, publication.Audience{})
		if _, err := db.StartRender(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 1, Broadcasts: []int16{channel.Slack.ID()}}); err != nil {
			t.Fatal(err)
		}
		exec(t, db, `UPDATE channel SET enabled = false`)
		attempt(t, db, nil)
	}},
	delivery.Unrenderable:        {delivery.Failed, answered(fault.New(fault.GiveUp, delivery.CodeUnrenderable, "No."))},
	delivery.Placeholder:         {delivery.Sent, answered(delivery.ErrPlaceholder)},
	delivery.Quarantined:         {delivery.Failed, dying(delivery.MaxCrashes, 0)},
	delivery.SuppressedBounce:    {delivery.Suppressed, suppressedAs("1")},
	delivery.SuppressedComplaint: {delivery.Suppressed, suppressedAs("2")},
	delivery.SuppressedManual:    {delivery.Suppressed, suppressedAs("3")},
	delivery.Expired: {delivery.Skipped, func(t *testing.T, db *DB) {
		past := time.Now().Add(-time.Second)
		lettered(t, db, letter.Letter{Email: "a@reader.example", ExpiresAt: &past})
		attempt(t, db, nil)
	}},
	delivery.SuppressedSoftBounce: {delivery.Suppressed, suppressedAs("5")},
	delivery.PausedByReader:       {delivery.Deferred, changed(`UPDATE subscriber SET paused_until = now() + interval '1 day'`)},
	delivery.QuietHours:           {delivery.Deferred, changed(quietNow)},
	delivery.FrequencyCap: {delivery.Deferred, func(t *testing.T, db *DB) {
		subscribers(t, db, 1)
		capTo(t, db, 1)
		first := queued(t, db, publication.Audience{All: true})
		exec(t, db, `UPDATE publication SET state = 'completed', started_at = now(), completed_at = now() WHERE id = $1`, first)
		exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, settled_at) VALUES ($1, 1, 1, 2, now())`, first)
		fanOut(t, db, queued(t, db, publication.Audience{All: true}), 1)
		exec(t, db, `DELETE FROM delivery WHERE publication_id = $1`, first)
		exec(t, db, `DELETE FROM publication WHERE id = $1`, first)
	}},
	delivery.LocalHour: {delivery.Deferred, func(t *testing.T, db *DB) {
		subscribers(t, db, 1)
		id := queued(t, db, publication.Audience{All: true})
		exec(t, db, `UPDATE publication SET by_local_time = true, scheduled_at = now() - interval '13 hours' WHERE id = $1`, id)
		fanOut(t, db, id, 1)
	}},
	delivery.InDigest: {delivery.Skipped, func(t *testing.T, db *DB) {
		subscribers(t, db, 1)
		exec(t, db, `UPDATE subscriber SET frequency = 1`)
		issueOf(t, db, publication.Audience{All: true})
		issueOf(t, db, publication.Audience{All: true})
		digestHour(t, db)
		releaseDue(t, db, 1)
		for _, statement := range []string{ // the case is of one delivery, and of what became of it
			`DELETE FROM delivery WHERE publication_id <> 1`, `DELETE FROM publication WHERE id <> 1`,
			`DELETE FROM webhook_event WHERE id NOT IN (SELECT min(id) FROM webhook_event WHERE data ->> 'state' = 'skipped')`,
		} {
			exec(t, db, statement)
		}
	}},
	delivery.Gathered: {delivery.Deferred, func(t *testing.T, db *DB) {
		subscribers(t, db, 1)
		exec(t, db, `UPDATE subscriber SET frequency = 2`)
		fanOut(t, db, queued(t, db, publication.Audience{All: true}), 1)
	}},
	delivery.ChannelOffByReader: {delivery.Skipped, changed(`UPDATE subscriber SET channels_off = '{1}'`)},
}

// TestEveryReason yields each of the closed list by the real ledger, finds it in the list of recipients and in what webhook
// endpoints are told, and sees that it is documented. Whoever adds a reason adds its case.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range delivery.Reasons() {
		t.Run(reason.String(), func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(docs), "| `"+reason.String()+"` |") {
				t.Error("docs/architecture.md does not have it")
			}
			c, ok := reasons[reason]
			if !ok {
				t.Fatal("no case yields it")
			}
			db := open(t)
			everything(t, db)
			c.yield(t, db)
			wantTold(t, db, c.state, reason)
			uid := value[ident.UID](t, db, `SELECT uid FROM publication`)
			found, err := db.Recipients(t.Context(), uid, delivery.Find{Reasons: []delivery.Reason{reason}, Limit: 5})
			if err != nil || len(found.Entries) != 1 || found.Entries[0].State != c.state {
				all, _ := db.Recipients(t.Context(), uid, delivery.Find{Limit: 5})
				t.Errorf("%+v, %v of %+v", found, err, all)
			}
		})
	}
}
