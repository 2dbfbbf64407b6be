package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/suppression"
)

func anybody(subscriber.Subscriber) error { return nil }

func TestEraseSubscriber(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	const address = "anna@x.org"
	anna := createReader(t, db, subscriber.Input{Email: address, Name: "Anna", Country: "PT", Topics: []string{"go"},
		Attributes: map[string]any{"city": "Faro"}, ConsentSource: "fair"})
	refusal := fault.New(fault.Conflict, "no", "")
	if _, err := db.EraseSubscriber(t.Context(), anna.UID, func(subscriber.Subscriber) error { return refusal }); fault.CodeOf(err) != "no" {
		t.Errorf("refused: %v", err)
	}
	if byEmail(t, db, address).Name != "Anna" {
		t.Error("what was refused was done")
	}
	begun, err := db.EraseSubscriber(t.Context(), anna.UID, anybody)
	if err != nil || begun.State != subscriber.ErasureRunning || !begun.Subscriber || !begun.Suppressed || begun.CompletedAt != nil || begun.Table != "publication" {
		t.Fatalf("%+v, %v", begun, err)
	}
	if _, err := db.Subscriber(t.Context(), anna.UID); !fault.Is(err, fault.NotFound) {
		t.Errorf("still there: %v", err)
	}
	if same, err := db.EraseSubscriber(t.Context(), anna.UID, anybody); err != nil || same.UID != begun.UID {
		t.Errorf("asked again: %+v, %v", same, err)
	}
	if same, err := db.EraseAddress(t.Context(), address); err != nil || same.UID != begun.UID || !same.Subscriber || !same.Suppressed {
		t.Errorf("asked again by address: %+v, %v", same, err)
	}
	if sealed := value[[]byte](t, db, `SELECT address FROM erasure`); len(sealed) == 0 || strings.Contains(string(sealed), "anna") {
		t.Errorf("the address is kept as %q", sealed)
	}
	eraseAll(t, db)
	done, err := db.Erasure(t.Context(), begun.UID)
	if err != nil || done.State != subscriber.ErasureCompleted || done.CompletedAt == nil || done.TablesDone != done.Tables || done.Table != "" || done.Mentions != 0 {
		t.Errorf("in the end: %+v, %v", done, err)
	}
	if n := value[int](t, db, `SELECT count(*) FROM erasure WHERE address IS NULL AND hash IS NULL AND subscriber_uid IS NULL`); n != 1 {
		t.Errorf("%d erasures have forgotten who they were of", n)
	}
	if _, err := db.EraseSubscriber(t.Context(), anna.UID, anybody); !fault.Is(err, fault.NotFound) {
		t.Errorf("erased long ago: %v", err)
	}
	if left := value[string](t, db, `SELECT string_agg(s::text, ' ') FROM subscriber s`); slices.ContainsFunc([]string{"anna", "Anna", "Faro", "fair", "PT"},
		func(word string) bool { return strings.Contains(left, word) }) {
		t.Errorf("left: %s", left)
	}
	if n := value[int](t, db, `SELECT count(*) FROM consent WHERE detail IS NOT NULL OR salt IS NOT NULL`); n != 0 {
		t.Errorf("%d entries of the record of consent hold something", n)
	}
	if want := []string{"subscriber.create", "suppression.create", "subscriber.erase", "subscriber.erase", "erasure.complete"}; !slices.Equal(auditActions(t, db), want) {
		t.Errorf("audit %v", auditActions(t, db))
	}
	// An import does not bring them back to be sent to.
	importFile(t, db, "email\n"+address+"\n", subscriber.Skip, false)
	if value[*int64](t, db, `SELECT suppression_id FROM subscriber WHERE email = $1`, address) == nil {
		t.Error("the address that was erased may be sent to")
	}
	again, err := db.EraseAddress(t.Context(), address)
	if err != nil || again.UID == begun.UID || !again.Subscriber || again.Suppressed {
		t.Errorf("again: %+v, %v", again, err)
	}
	eraseAll(t, db)
	if nobody, err := db.EraseAddress(t.Context(), address); err != nil || nobody.Subscriber || nobody.Suppressed || nobody.UID == again.UID {
		t.Errorf("nobody: %+v, %v", nobody, err)
	}
	if _, err := db.EraseSubscriber(t.Context(), ident.New(), anybody); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// TestErasedOnceMore: who comes with an address that is being erased, and is erased as well, is of the same erasure, with all there was.
func TestErasedOnceMore(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	const address = "anna@x.org"
	mailed := func() {
		t.Helper()
		exec(t, db, `WITH p AS (INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
			VALUES (gen_random_uuid(), 't', 'transactional', 'normal', 1, 'completed', '{1}', '{}', '[]', 'me') RETURNING id)
			INSERT INTO message (publication_id, email, name, data) SELECT id, $1, 'Anna', '{}' FROM p`, address)
	}
	mailed()
	begun, err := db.EraseAddress(t.Context(), address)
	if err != nil || begun.Subscriber || begun.Messages != 1 {
		t.Fatalf("%+v, %v", begun, err)
	}
	mailed()
	anna := createReader(t, db, subscriber.Input{Email: address})
	for range 2 { // the second time she is found by her id alone
		if same, err := db.EraseSubscriber(t.Context(), anna.UID, anybody); err != nil || same.UID != begun.UID || !same.Subscriber || same.Messages != 2 {
			t.Errorf("%+v, %v", same, err)
		}
	}
}

// TestWhatIsErasedAtOnce: every column of a subscriber is as in a row of which nothing is known, and what hangs on it is gone; of
// everybody else everything stays.
func TestWhatIsErasedAtOnce(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	readers := map[string]subscriber.Subscriber{}
	for _, name := range []string{"ann", "bob"} {
		readers[name] = createReader(t, db, subscriber.Input{Email: name + "@x.org", Name: name, Language: "pt-BR", Timezone: "Europe/Lisbon", Country: "PT",
			Topics: []string{"go"}, Attributes: map[string]any{"city": "Faro"}, ConsentSource: "fair"})
		if _, _, err := db.Suppress(t.Context(), name+"@x.org", suppression.Entry{Reason: suppression.Manual, Source: suppression.SourceAPI, Note: "of " + name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{
		`UPDATE subscriber SET channels_off = '{1}', frequency = 1, paused_until = now() + interval '1 day', quiet_from = 60, quiet_to = 120`,
		`INSERT INTO engagement (subscriber_id, total) SELECT id, 1 FROM subscriber`,
		`INSERT INTO digest (channel_id, sender_id) VALUES (1, 0)`,
		`INSERT INTO digest_item (publication_id, channel_id, recipient_id, digest_id, items) SELECT 1, 1, s.id, d.id, '' FROM subscriber s, digest d`,
		`INSERT INTO held (publication_id, channel_id, recipient_id, reason, due) SELECT 1, 1, id, 21, now() + interval '1 hour' FROM subscriber`,
		`INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		 SELECT gen_random_uuid(), 't', 'transactional', 'normal', 1, 'completed', '{1}', '{}', '[]', 'me' FROM generate_series(1, 2)`,
		`INSERT INTO message (publication_id, subscriber_id, name, language, timezone, data) SELECT p.id, s.id, s.name, 'pt', 'UTC', '{"x": 1}'
		 FROM publication p JOIN subscriber s ON s.email = CASE p.id WHEN 1 THEN 'ann@x.org' ELSE 'bob@x.org' END`,
		`INSERT INTO subscriber (uid, email, status) VALUES (gen_random_uuid(), 'nobody@x.org', 'unsubscribed')`,
	} {
		exec(t, db, statement)
	}
	const known = `SELECT coalesce(string_agg(a.key, ' ' ORDER BY a.key), '') FROM subscriber s, subscriber n, jsonb_each(to_jsonb(s)) a, jsonb_each(to_jsonb(n)) b
		WHERE s.uid = $1 AND n.email = 'nobody@x.org' AND a.key = b.key AND a.value <> b.value AND a.key <> ALL('{id,uid,version,created_at,updated_at,email,revoked_at}')`
	const all = "attributes channels_off consent_at consent_source country frequency language name paused_until quiet_from quiet_to status suppression_id timezone topics"
	if got := value[string](t, db, known, readers["ann"].UID); got != all {
		t.Errorf("known of ann: %s, want %s", got, all)
	}
	if e, err := db.EraseSubscriber(t.Context(), readers["ann"].UID, anybody); err != nil || e.Messages != 1 || e.Suppressed {
		t.Fatal(e, err)
	}
	for name, want := range map[string]string{"ann": "|0|0|0|{}true", "bob": all + `|1|1|1|bobptUTC{"x": 1}`} {
		got := value[string](t, db, known, readers[name].UID) + "|" + value[string](t, db, `SELECT concat_ws('|',
			(SELECT count(*) FROM engagement WHERE subscriber_id = $1), (SELECT count(*) FROM digest_item WHERE recipient_id = $1),
			(SELECT count(*) FROM held WHERE recipient_id = $1 AND due > now()),
			(SELECT name || language || timezone || data::text || coalesce((expires_at <= clock_timestamp())::text, '') FROM message WHERE subscriber_id = $1))`, readers[name].ID)
		if notes := value[string](t, db, `SELECT string_agg(note, ' ' ORDER BY note) FROM suppression`); notes != " of bob" {
			t.Errorf("notes are %q", notes)
		}
		if got != want {
			t.Errorf("of %s there is %s, want %s", name, got, want)
		}
	}
}

// TestDeletedSubscribersMessagesAreEmpty, whichever way they are deleted; those to others stay, and what is not sent yet is not.
func TestDeletedSubscribersMessagesAreEmpty(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	for i, name := range []string{"ann", "bob", "joe"} {
		createReader(t, db, subscriber.Input{Email: name + "@x.org"})
		exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, data, created_by)
			SELECT gen_random_uuid(), 't', 'transactional', 'normal', 1, 'completed', '{1}', '{}', '[]', '{}', 'me' FROM generate_series(1, 2)`)
		exec(t, db, `INSERT INTO message (publication_id, subscriber_id, name, data) SELECT $2, id, $1, '{"x": 1}' FROM subscriber WHERE email = $1 || '@x.org'`, name, 2*i+1)
		exec(t, db, `INSERT INTO message (publication_id, email, name, data) VALUES ($2, $1 || '@x.org', $1, '{"x": 1}')`, name, 2*i+2)
	}
	if err := db.DeleteSubscriber(t.Context(), byEmail(t, db, "ann@x.org").UID, anybody); err != nil {
		t.Fatal(err)
	}
	item := subscriber.Item{Action: bulk.Delete, UID: byEmail(t, db, "bob@x.org").UID, Check: anybody}
	if r, err := db.BulkSubscribers(t.Context(), call(bulk.PerItem), []subscriber.Item{item}); err != nil || bulk.Failed(r.Outcomes) > 0 {
		t.Fatal(r, err)
	}
	const left = `SELECT string_agg(name || coalesce(email, '') || data::text || coalesce((expires_at <= clock_timestamp())::text, ''), ' ' ORDER BY publication_id) FROM message`
	want := `{}true 2@deleted.invalid{}true {}true 4@deleted.invalid{}true joe{"x": 1} joejoe@x.org{"x": 1}`
	if got := value[string](t, db, left); got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

// Mentions of an address go, in whatever case and wherever in a JSON text; those of longer addresses stay.
func TestEraseMentions(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	for _, statement := range []string{
		`INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, data, created_by)
		 VALUES (gen_random_uuid(), 'For ann@x.org, and joann@x.org', 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]',
		         '{"to": "Ann@X.org", "note": "line\nann@x.org\tann@x.org.uk ann@x.organic <ann@x.org>."}', 'me')`,
		`INSERT INTO message (publication_id, email, name, data, expires_at) SELECT id, 'ann@x.org', 'Ann', '{"who": "Ann"}', now() + interval '1 hour' FROM publication`,
		`INSERT INTO publication_version (publication_id, version, request, contents, templates, changed_by, changed_at)
		 SELECT id, 1, '{"ann@x.org": ["ann@x.org"]}', '[]', '{}', 'me', now() FROM publication`,
		`INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
		 VALUES (1, 1, 1, 1, 'give_up', 'c', '550 ann@x.org: unknown', 'f')`,
		`INSERT INTO idempotency (principal, route, key, request_hash, publication_id) VALUES ('me', 'r', 'signup ann@x.org', '', 1), ('me', 'r', 'signup joe@x.org', '', 1), ('me', 'r', 'for-ann@x.org', '', 1)`,
		`INSERT INTO suppression (uid, hash, reason, source, note) VALUES (gen_random_uuid(), 'x', 3, 'api', 'friend of ann@x.org')`,
	} {
		if _, err := db.pool.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	begun, err := db.EraseAddress(t.Context(), "ann@x.org")
	if err != nil {
		t.Fatal(err)
	}
	eraseAll(t, db)
	if done, err := db.Erasure(t.Context(), begun.UID); err != nil || done.Subscriber || done.Messages != 1 || done.Mentions != 6 || !done.Suppressed {
		t.Errorf("%+v, %v", done, err)
	}
	for query, want := range map[string]string{
		`SELECT title FROM publication`:                              "For [erased], and joann@x.org",
		`SELECT data ->> 'to' FROM publication`:                      "[erased]",
		`SELECT data ->> 'note' FROM publication`:                    "line\n[erased]\tann@x.org.uk ann@x.organic <[erased]>.",
		`SELECT request::text FROM publication_version`:              `{"[erased]": ["[erased]"]}`,
		`SELECT error FROM dead_letter`:                              "550 [erased]: unknown",
		`SELECT string_agg(key, ' ') FROM idempotency`:               "signup joe@x.org",
		`SELECT note FROM suppression WHERE note <> ''`:              "friend of [erased]",
		`SELECT name || data || language FROM message`:               "{}",
		`SELECT (email LIKE '%@deleted.invalid')::text FROM message`: "true",
		`SELECT (expires_at <= now())::text FROM message`:            "true",
	} {
		if got := value[string](t, db, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
