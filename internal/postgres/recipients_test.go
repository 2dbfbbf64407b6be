package postgres

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

func publicationUID(tb testing.TB, db *DB, id int64) ident.UID {
	tb.Helper()
	return value[ident.UID](tb, db, `SELECT uid FROM publication WHERE id = $1`, id)
}

func subscriberUID(tb testing.TB, db *DB, id int64) ident.UID {
	tb.Helper()
	return value[ident.UID](tb, db, `SELECT uid FROM subscriber WHERE id = $1`, id)
}

// timeline is the only delivery of a subscriber.
func timeline(tb testing.TB, db *DB, publicationID, subscriberID int64) delivery.Account {
	tb.Helper()
	t, err := db.Timeline(tb.Context(), publicationUID(tb, db, publicationID), subscriberUID(tb, db, subscriberID))
	if err != nil || len(t.Deliveries) != 1 || t.Absence != "" || !t.Personal {
		tb.Fatalf("timeline %+v, %v", t, err)
	}
	return t.Deliveries[0]
}

// told is a story in short: number, state and error code of each attempt.
func told(a delivery.Account) []string {
	list := []string{}
	for _, tried := range a.Story() {
		text := fmt.Sprint(tried.Number, " ", tried.State, " ", tried.Cause.Code)
		if tried.Late {
			text += " late"
		}
		list = append(list, text)
	}
	return list
}

// TestEveryAttemptIsTold: a plain success from the ledger alone, everything else from rows that were written with it.
func TestEveryAttemptIsTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 6)
	session, b := claim(t, db)
	outcome := func(reader int64, attempt int16, state delivery.State, reason delivery.Reason, code string) delivery.Outcome {
		o := delivery.Outcome{Publication: id, Channel: 1, Recipient: reader, State: state, Attempt: attempt, Reason: reason, Outlet: 7}
		if code != "" {
			o.Cause = &delivery.Cause{Kind: "retry", Code: code, Error: code + "\x00 <address>"}
		}
		if state == delivery.Failed {
			o.Dead = &delivery.DeadLetter{Kind: "retry", Code: code, Error: code, Fingerprint: "f"}
		}
		return o
	}
	for number, outcomes := range [][]delivery.Outcome{
		{outcome(1, 1, delivery.Sent, 0, ""), outcome(2, 1, delivery.Pending, 0, "busy"), outcome(3, 1, delivery.Pending, 0, "busy"),
			outcome(4, 1, delivery.Uncertain, delivery.NoAnswer, "cut"), outcome(5, 0, delivery.Pending, 0, "")},
		{outcome(2, 2, delivery.Pending, 0, "full"), outcome(3, 2, delivery.Failed, delivery.Rejected, "no_mailbox")},
		{outcome(2, 3, delivery.Sent, 0, "")},
	} {
		f := delivery.Flush{Session: session, Number: int64(number + 1), Lease: time.Minute, Outcomes: outcomes,
			InFlight: []delivery.Window{{Batch: b.ID, After: 5, Through: 6}}}
		for range 2 { // the answer was lost
			if err := db.Flush(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.SettleLate(t.Context(), session, []delivery.Outcome{outcome(4, 1, delivery.Sent, 0, "")}); err != nil {
		t.Fatal(err)
	}
	for reader, want := range map[int64][]string{
		1: {"1 sent "}, 2: {"1 pending busy", "2 pending full", "3 sent "}, 3: {"1 pending busy", "2 failed no_mailbox"},
		4: {"1 uncertain cut", "1 sent  late"}, 5: {}, 6: {},
	} {
		a := timeline(t, db, id, reader)
		sameStrings(t, told(a), want...)
		if a.Sending != (reader == 6) {
			t.Errorf("reader %d: in hand %t", reader, a.Sending)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM delivery_attempt WHERE recipient_id IN (1, 5)`); n != 0 {
		t.Errorf("%d rows for plain successes and waits", n)
	}
}

// TestTakeoverIsTold: what may have been an attempt is one, and replays count anew.
func TestTakeoverIsTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 3)
	session, b := claim(t, db)
	list := []delivery.Window{{Batch: b.ID, After: 0, Through: 2}}
	if err := db.Flush(t.Context(), delivery.Flush{Session: session, Number: 1, Lease: time.Minute, InFlight: list}); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE sender_session SET until = now() - interval '1 s'`)
	waitForServerAge(t, db)
	if got, err := db.TakeOver(t.Context()); err != nil || got == nil || got.Uncertain != 2 {
		t.Fatalf("takeover %+v, %v", got, err)
	}
	sameStrings(t, told(timeline(t, db, id, 1)), "1 uncertain process_died")
	exec(t, db, `INSERT INTO reopening (publication_id, channel_id, recipient_id, was, reason, attempts, by) VALUES ($1, 1, 1, 7, 8, 1, 'key:admin')`, id)
	exec(t, db, `UPDATE delivery SET state = 2, attempt = 1, reason = 0, settled_at = clock_timestamp() WHERE recipient_id = 1`)
	a := timeline(t, db, id, 1)
	sameStrings(t, told(a), "1 uncertain process_died", "0 pending ", "1 sent ")
	if by := a.Story()[1].By; by != "key:admin" {
		t.Errorf("made owed again by %q", by)
	}
	exec(t, db, `UPDATE delivery SET state = 4 WHERE recipient_id = 2`) // by evidence
	sameStrings(t, told(timeline(t, db, id, 2)), "1 uncertain process_died")
}

// TestEventsAreTold with the links that were clicked, and those of nobody else.
func TestEventsAreTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := sending(t, db, 2)
	exec(t, db, `INSERT INTO link (publication_id, n, url) VALUES ($1, 4, 'https://example.org/four')`, id)
	exec(t, db, `INSERT INTO event (kind, publication_id, channel_id, recipient_id, link)
		VALUES (1, $1, 1, 1, -1), (2, $1, 1, 1, 4), (9, $1, 1, 1, -1), (1, $1, 2, 1, -1), (1, $1, 1, 2, -1), (1, $1 + 1, 1, 1, -1)`, id)
	events := timeline(t, db, id, 1).Events
	if len(events) != 3 || events[0].Kind != 1 || events[0].URL != "" || events[1].Link != 4 || events[1].URL != "https://example.org/four" || events[2].Kind != 9 {
		t.Errorf("events %+v", events)
	}
}

// TestRecipientsAreFoundInParts: whatever the filter, the pages together are all and each once, in order.
func TestRecipientsAreFoundInParts(t *testing.T) {
	t.Parallel()
	db := open(t)
	asOwner(t, db, `ALTER TABLE delivery_0 SET (autovacuum_enabled = off)`)
	const readers = 2*lookRows + 500
	id := sending(t, db, readers)
	exec(t, db, `INSERT INTO delivery (publication_id, channel_id, recipient_id, state, reason) SELECT publication_id, 2, recipient_id, 9, 4 FROM delivery WHERE recipient_id <= 10`)
	exec(t, db, `UPDATE delivery SET state = 6, reason = 5 WHERE channel_id = 1 AND recipient_id IN (3, 5000, 5001, 9999, 10400)`)
	exec(t, db, `DELETE FROM subscriber WHERE id = 5001`)
	uid := publicationUID(t, db, id)
	for name, c := range map[string]struct {
		find delivery.Find
		want int
		ids  []int64
	}{
		"all":               {delivery.Find{Limit: 2000}, readers + 10, nil},
		"failed":            {delivery.Find{States: []delivery.State{delivery.Failed}, Limit: 3}, 5, []int64{3, 5000, 5001, 9999, 10400}},
		"by reason":         {delivery.Find{Reasons: []delivery.Reason{delivery.Rejected, delivery.CancelledByUser}, Limit: 50}, 15, nil},
		"newsletter":        {delivery.Find{Channel: 2, Limit: 4}, 10, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		"nobody":            {delivery.Find{States: []delivery.State{delivery.Bounced}, Limit: 10}, 0, []int64{}},
		"an unused channel": {delivery.Find{Channel: 5, Limit: 10}, 0, []int64{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids, pages := []int64{}, 0
			for f := c.find; ; pages++ {
				got, err := db.Recipients(t.Context(), uid, f)
				if err != nil || len(got.Entries) > f.Limit {
					t.Fatalf("%d, %v", len(got.Entries), err)
				}
				for _, e := range got.Entries {
					ids = append(ids, e.Recipient)
					if e.UID.IsZero() != (e.Recipient == 5001) {
						t.Errorf("recipient %d is %s", e.Recipient, e.UID)
					}
					f.AfterChannel, f.AfterRecipient = e.Channel, e.Recipient
				}
				if got.Done && len(got.Entries) < f.Limit {
					break
				}
				if len(got.Entries) < f.Limit {
					f.AfterChannel, f.AfterRecipient = got.LastChannel, got.LastRecipient
				}
			}
			if len(ids) != c.want || c.ids != nil && !slices.Equal(ids, c.ids) {
				t.Errorf("found %d: %v", len(ids), ids[:min(len(ids), 20)])
			}
		})
	}
	args := []any{id, int16(1), int64(5000), int16(5), lookRows, []int16{6}, []int16(nil), 10, []int16{1, 2}}
	if blocks := blocksOf(t, db, lookThrough, args); blocks > 2*lookRows {
		t.Errorf("%d blocks for a step of %d rows", blocks, lookRows)
	}
	if _, err := db.Recipients(t.Context(), ident.New(), delivery.Find{Limit: 1}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no publication: %v", err)
	}
}

// TestPlacesHaveTimelines too, without a choice.
func TestPlacesHaveTimelines(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `INSERT INTO channel (uid, kind, provider, name) VALUES ($1, 'slack', 'slack', 'news')`, ident.New())
	id := queued(t, db, publication.Audience{})
	exec(t, db, `UPDATE publication SET channels = '{3}'`)
	if _, err := db.StartRender(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 1, Broadcasts: []int16{channel.Slack.ID()}}); err != nil {
		t.Fatal(err)
	}
	place := value[ident.UID](t, db, `SELECT uid FROM channel`)
	got, err := db.Timeline(t.Context(), publicationUID(t, db, id), place)
	if err != nil || got.Personal || len(got.Deliveries) != 1 || got.Deliveries[0].Channel != 3 || got.Deliveries[0].Choice != nil {
		t.Errorf("%+v, %v", got, err)
	}
	found, err := db.Recipients(t.Context(), publicationUID(t, db, id), delivery.Find{Limit: 5})
	if err != nil || len(found.Entries) != 1 || found.Entries[0].UID != place {
		t.Errorf("%+v, %v", found, err)
	}
	for _, pair := range [][2]ident.UID{{ident.New(), place}, {publicationUID(t, db, id), ident.New()}} {
		if _, err := db.Timeline(t.Context(), pair[0], pair[1]); !fault.Is(err, fault.NotFound) {
			t.Errorf("no such thing: %v", err)
		}
	}
}
