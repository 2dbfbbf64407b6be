package postgres

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/chain"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

// history is what the record says of a subscriber, oldest first, one line for each entry.
func history(tb testing.TB, db *DB, uid ident.UID) []string {
	tb.Helper()
	list, err := db.ConsentHistory(tb.Context(), uid, 0, 100)
	if err != nil {
		tb.Fatal(err)
	}
	lines := make([]string, 0, len(list))
	for _, e := range slices.Backward(list) {
		line := fmt.Sprintf("%s by %s via %s: %s %v", e.Event, e.By, e.Source, e.Status, e.Topics)
		if e.Detail != nil {
			line += " " + e.Detail.Email
		}
		lines = append(lines, line)
	}
	return lines
}

func wantHistory(tb testing.TB, db *DB, uid ident.UID, want ...string) {
	tb.Helper()
	if got := history(tb, db, uid); !slices.Equal(got, want) {
		tb.Errorf("the record says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestConsentIsWritten: whoever changes who may be written to, about what and where, leaves an entry; nothing else does. These
// are all the writers: what they do is recorded by the table itself, and this test fails for one that does not say where a
// change comes from.
func TestConsentIsWritten(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	ctx := audit.WithActor(t.Context(), "key:k")
	agree := func(subscriber.Subscriber) error { return nil }
	update := func(s subscriber.Subscriber, in subscriber.Input) {
		t.Helper()
		if _, err := db.UpdateSubscriber(ctx, s.UID, func(s subscriber.Subscriber) (subscriber.Change, error) { return s.Change(in) }); err != nil {
			t.Fatal(err)
		}
	}
	s, err := db.CreateSubscriber(ctx, newReader(t, subscriber.Input{Email: "ann@x.org", Topics: []string{"go", "art"}, ConsentSource: "shop"}))
	if err != nil {
		t.Fatal(err)
	}
	update(s, subscriber.Input{Email: "ann@x.org", Name: "Ann", Topics: []string{"art", "go"}})
	update(s, subscriber.Input{Email: "ann@x.org", Name: "Ann", Topics: []string{"go"}})
	update(s, subscriber.Input{Email: "new@x.org", Topics: []string{"go"}, Status: "unsubscribed"})
	if err := db.DeleteSubscriber(ctx, s.UID, agree); err != nil {
		t.Fatal(err)
	}
	wantHistory(t, db, s.UID,
		"granted by key:k via api: active [art go]", "changed by key:k via api: active [go]",
		"withdrawn by key:k via api: unsubscribed [go]", "erased by key:k via api: unsubscribed []")

	if _, err := db.ImportSubscribers(ctx, readLines(t, "email,status,topics\nbob@x.org,active,go\ncat@x.org,pending,\n"), subscriber.Update, false); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ImportSubscribers(ctx, readLines(t, "email,status,topics\nbob@x.org,unsubscribed,go\ncat@x.org,,\n"), subscriber.Update, false); err != nil {
		t.Fatal(err)
	}
	bob, cat := byEmail(t, db, "bob@x.org"), byEmail(t, db, "cat@x.org")
	wantHistory(t, db, bob.UID, "granted by key:k via import: active [go] bob@x.org", "withdrawn by key:k via import: unsubscribed [go] bob@x.org")

	together := []subscriber.Item{
		{Action: bulk.Create, Email: "dan@x.org", New: newReader(t, subscriber.Input{Email: "dan@x.org"})},
		{Action: bulk.Update, UID: cat.UID, Email: "cat@x.org", Change: func(s subscriber.Subscriber) (subscriber.Change, error) {
			return s.Change(subscriber.Input{Email: "cat@x.org", Status: "active", Topics: []string{"go"}})
		}},
		{Action: bulk.Delete, UID: bob.UID, Check: agree},
	}
	if r, err := db.BulkSubscribers(ctx, call(bulk.PerItem), together); err != nil || bulk.Failed(r.Outcomes) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	dan := byEmail(t, db, "dan@x.org")
	wantHistory(t, db, dan.UID, "granted by key:k via api: active [] dan@x.org")
	wantHistory(t, db, bob.UID, "granted by key:k via import: active [go]", "withdrawn by key:k via import: unsubscribed [go]",
		"erased by key:k via api: unsubscribed []")

	page := audit.WithActor(t.Context(), "subscriber")
	one := []int32{value[int32](t, db, `SELECT id FROM topic WHERE slug = 'go'`)}
	for _, topics := range [][]int32{one, nil, nil} {
		if err := db.Unsubscribe(page, publication.Unsubscription{Subscriber: cat.ID, Publication: 1, Channel: 1, Topics: topics}); err != nil {
			t.Fatal(err)
		}
	}
	wantHistory(t, db, cat.UID, "requested by key:k via import: pending [] cat@x.org", "granted by key:k via api: active [go] cat@x.org",
		"changed by subscriber via page: active [] cat@x.org", "withdrawn by subscriber via page: unsubscribed [] cat@x.org")

	if _, _, err := db.Suppress(ctx, "dan@x.org", byHand()); err != nil {
		t.Fatal(err)
	}
	wantHistory(t, db, dan.UID, "granted by key:k via api: active [] dan@x.org", "suppressed by key:k via api: active [] dan@x.org")
	if _, _, err := db.ImportSuppressions(ctx, []suppression.Line{{Address: "cat@x.org", Reason: suppression.Complaint}}, false); err != nil {
		t.Fatal(err)
	}
	if got := history(t, db, cat.UID); got[len(got)-1] != "suppressed by key:k via import: unsubscribed [] cat@x.org" {
		t.Errorf("after an import of the suppression list: %q", got)
	}
	if stray := value[int](t, db, `SELECT count(*)::int FROM consent WHERE source = 'database'`); stray != 0 {
		t.Errorf("%d changes do not say where they come from", stray)
	}
}

// TestConsentByHand: a statement that says nothing is recorded as well, and how somebody was before the record began is not lost.
func TestConsentByHand(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := createReader(t, db, subscriber.Input{Email: "ann@x.org", Topics: []string{"go"}, ConsentSource: "old form"})
	asOwner(t, db, `DELETE FROM consent`)
	exec(t, db, `UPDATE subscriber SET status = 'unsubscribed'`)
	exec(t, db, `UPDATE subscriber SET name = 'Ann', timezone = 'Asia/Tokyo'`)
	wantHistory(t, db, s.UID, "carried by system via system: active [go] ann@x.org", "withdrawn by database via database: unsubscribed [go] ann@x.org")
	list, err := db.ConsentHistory(t.Context(), s.UID, 0, 10)
	if err != nil || list[1].Detail.Stated != "old form" || list[1].Detail.Since == nil || !list[1].Detail.Since.Equal(*s.ConsentAt) {
		t.Errorf("%+v, %v", list, err)
	}
	if older, err := db.ConsentHistory(t.Context(), s.UID, list[0].ID, 10); err != nil || len(older) != 1 || older[0].ID != list[1].ID {
		t.Errorf("the next page is %+v, %v", older, err)
	}
}

// TestComplaintIsWithdrawal: what a provider reports of a complaint is in the record, what it says of a mailbox is not.
func TestComplaintIsWithdrawal(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	sentTo(t, db, 3, 3)
	wantResults(t, db, events(t, db, feedback.Complained, 1), feedback.Applied)
	wantResults(t, db, events(t, db, feedback.Bounced, 2), feedback.Applied)
	for id, want := range []string{"suppressed", "granted", "granted"} {
		uid := value[ident.UID](t, db, `SELECT uid FROM subscriber WHERE id = $1`, id+1)
		list, err := db.ConsentHistory(t.Context(), uid, 0, 1)
		if err != nil || len(list) != 1 || string(list[0].Event) != want || want == "suppressed" && list[0].Source != consent.Reported {
			t.Errorf("of %d the record says %+v, %v", id+1, list, err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM subscriber WHERE suppression_id IS NOT NULL`); n != 2 {
		t.Errorf("%d are suppressed", n)
	}
}

// TestConsentRemembersTheRequest: what was shown, and from where it was answered.
func TestConsentRemembersTheRequest(t *testing.T) {
	t.Parallel()
	db := open(t)
	text := consent.Text{Language: "de", Body: "Ja, ich möchte."}
	ctx := consent.With(t.Context(), consent.Act{Source: consent.Form, Granted: consent.Confirmed, Text: &text,
		IP: "192.0.2.7", UserAgent: strings.Repeat("x", 2*consent.MaxUserAgent)})
	for _, email := range []string{"a@x.org", "b@x.org"} {
		s, err := db.CreateSubscriber(ctx, newReader(t, subscriber.Input{Email: email}))
		if err != nil {
			t.Fatal(err)
		}
		list, err := db.ConsentHistory(t.Context(), s.UID, 0, 10)
		hash := text.Hash()
		if err != nil || len(list) != 1 || list[0].Event != consent.Confirmed || list[0].Source != consent.Form || list[0].Text != text ||
			!bytes.Equal(list[0].TextHash, hash[:]) || list[0].Detail.IP != "192.0.2.7" || len(list[0].Detail.UserAgent) != consent.MaxUserAgent {
			t.Errorf("%+v, %v", list, err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM consent_text`); n != 1 {
		t.Errorf("%d texts", n)
	}
}

// TestConsentIsSealed: what is altered, added or removed shows, and erasing a person leaves the record whole.
func TestConsentIsSealed(t *testing.T) {
	t.Parallel()
	db := open(t)
	var err error
	if db.consents, err = consent.NewChain(bytes.Repeat([]byte("a"), 32)); err != nil {
		t.Fatal(err)
	}
	var made []subscriber.Subscriber
	for i := range 6 {
		made = append(made, createReader(t, db, subscriber.Input{Email: fmt.Sprintf("r%d@x.org", i), Topics: []string{"go"}}))
	}
	sealConsents(t, db)
	if err := db.DeleteSubscriber(t.Context(), made[1].UID, func(subscriber.Subscriber) error { return nil }); err != nil {
		t.Fatal(err)
	}
	sealConsents(t, db)
	check := func(name, want string, wrong ...int64) {
		t.Helper()
		r, err := db.consents.Verify(t.Context(), db.ConsentLog(), 0, chain.Mark{})
		if err != nil || findings(r) != want || r.Blocks != 2 {
			t.Errorf("%s: %q in %d blocks, %v", name, findings(r), r.Blocks, err)
		}
		if ids, err := db.WrongDetails(t.Context(), 10); err != nil || !slices.Equal(ids, wrong) {
			t.Errorf("%s: details of %v, %v", name, ids, err)
		}
	}
	check("as it was", "")
	if n := value[int](t, db, `SELECT count(*)::int FROM consent WHERE subscriber = $1 AND (salt IS NOT NULL OR detail IS NOT NULL)`, made[1].UID); n != 0 {
		t.Errorf("%d entries hold something of who was erased", n)
	}
	asOwner(t, db, `CREATE TABLE kept AS TABLE consent`)
	for name, c := range map[string]struct {
		sql, want string
		wrong     []int64
	}{
		"event":       {`UPDATE consent SET event = 'granted' WHERE id = 7`, "event_altered 2/7", []int64{2, 7}},
		"topics":      {`UPDATE consent SET topics = '{go,art}' WHERE id = 3`, "event_altered 1/3", nil},
		"one of them": {`UPDATE consent SET topics = '{"go,"}' WHERE id = 3`, "event_altered 1/3", nil},
		"channels":    {`UPDATE consent SET channels_off = '{1}' WHERE id = 3`, "event_altered 1/3", nil},
		"actor":       {`UPDATE consent SET actor = 'subscriber' WHERE id = 3`, "event_altered 1/3", nil},
		"commitment":  {`UPDATE consent SET commitment = sha256(commitment) WHERE id = 1`, "event_altered 1/1", []int64{1}},
		"detail":      {`UPDATE consent SET detail = replace(detail, 'r4@', 'r5@') WHERE id = 5`, "", []int64{5}},
		"forgotten":   {`UPDATE consent SET detail = NULL WHERE id = 5`, "", []int64{5}},
		"gone":        {`DELETE FROM consent WHERE id = 4`, "event_missing 1/4", nil},
		"another":     {`UPDATE consent SET subscriber = gen_random_uuid() WHERE id = 6`, "event_altered 1/6", nil},
	} {
		asOwner(t, db, c.sql)
		check(name, c.want, c.wrong...)
		asOwner(t, db, `DELETE FROM consent; INSERT INTO consent OVERRIDING SYSTEM VALUE TABLE kept`)
	}
	check("as it was again", "")
}

// TestConsentIsAppendOnly: the application adds entries, and can take away what they hold of a person; nothing else.
func TestConsentIsAppendOnly(t *testing.T) {
	t.Parallel()
	db := open(t)
	createReader(t, db, subscriber.Input{Email: "a@x.org"})
	const values = `subscriber_id, subscriber, event, status, topics, channels_off, source, actor, commitment`
	for _, sql := range []string{
		`UPDATE consent SET event = 'withdrawn'`, `UPDATE consent SET at = now()`, `DELETE FROM consent`, `TRUNCATE consent`,
		`INSERT INTO consent (id, ` + values + `) OVERRIDING SYSTEM VALUE SELECT 99, ` + values + ` FROM consent`,
		`INSERT INTO consent (at, ` + values + `) SELECT now(), ` + values + ` FROM consent`,
		`DELETE FROM consent_text`, `UPDATE consent_text SET body = ''`, `UPDATE consent_block SET n = 0`, `DELETE FROM consent_block`,
		`ALTER TABLE subscriber DISABLE TRIGGER USER`, `DROP TRIGGER subscriber_consent_changed ON subscriber`,
		`INSERT INTO consent_text (hash, language, body) VALUES (sha256('a'), 'en', 'b')`,
	} {
		if _, err := db.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the application may %s", sql)
		}
	}
	exec(t, db, `UPDATE consent SET salt = NULL, detail = NULL`)
}

// sealConsents seals all entries that are committed; nobody writes meanwhile.
func sealConsents(tb testing.TB, db *DB) {
	tb.Helper()
	h, err := db.ConsentHorizon(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if more, reached, err := db.SealConsent(tb.Context(), h); more || !reached || err != nil {
		tb.Fatal(more, reached, err)
	}
}
