package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/subscriber"
)

// stepErasures goes on with the search by one range, whatever time has to pass before. It reports whether it is over.
func stepErasures(t *testing.T, db *DB) bool {
	t.Helper()
	exec(t, db, `UPDATE erasure SET due_at = clock_timestamp() WHERE due_at > clock_timestamp()`)
	if _, err := db.SearchErased(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	return value[int](t, db, `SELECT count(*) FROM erasure WHERE state = 'running'`) == 0
}

// anotherProcess knows nothing of what the one before had in memory.
func anotherProcess(db *DB) *DB {
	return &DB{pool: db.pool, addresses: db.addresses, sealer: db.sealer, searchRows: db.searchRows}
}

// eraseAll goes on until it is over.
func eraseAll(t *testing.T, db *DB) {
	t.Helper()
	for range 10_000 {
		if stepErasures(t, db) {
			return
		}
	}
	t.Fatal("the search does not end")
}

// mentioning writes a text that mentions somebody ($1) into one column of each table that others write to; $2 makes rows different.
func mentioning() map[string]string {
	const publication = `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, data, created_by)
		SELECT gen_random_uuid(), %s, 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]', %s, 'me' || $2`
	const message = `WITH p AS (INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		VALUES (gen_random_uuid(), 't', 'alert', 'normal', 1, 'completed', '{1}', '{}', '[]', 'me' || $2) RETURNING id)
		INSERT INTO message (publication_id, email, name, data) SELECT id, 'other@x.org', %s, %s FROM p`
	const reader = `INSERT INTO subscriber (uid, email, status, name, attributes) VALUES (gen_random_uuid(), 'r' || $2::text || gen_random_uuid() || '@x.org', 'active', %s, %s)`
	return map[string]string{
		"publication.title": fmt.Sprintf(publication, `$1`, `'{}'`),
		"publication.data":  fmt.Sprintf(publication, `'t'`, `jsonb_build_object('to', $1::text)`),
		"publication_version.request": `INSERT INTO publication_version (publication_id, version, request, contents, templates, changed_by, changed_at)
			SELECT p.id, 1 + coalesce((SELECT max(version) FROM publication_version v WHERE v.publication_id = p.id), 0), jsonb_build_object('to', $1::text, 'n', $2::text), '[]', '{}', 'me', now()
			FROM publication p ORDER BY id LIMIT 1`,
		"message.name":          fmt.Sprintf(message, `$1`, `'{}'`),
		"message.data":          fmt.Sprintf(message, `''`, `jsonb_build_object('to', $1::text)`),
		"subscriber.name":       fmt.Sprintf(reader, `$1`, `'{}'`),
		"subscriber.attributes": fmt.Sprintf(reader, `''`, `jsonb_build_object('friend', $1::text)`),
		"suppression.note":      `INSERT INTO suppression (uid, hash, reason, source, note) SELECT gen_random_uuid(), sha256((gen_random_uuid()::text || $2::text)::bytea), 3, 'api', $1`,
		"rendition.body": `INSERT INTO rendition (publication_id, channel_id, language, body)
			SELECT min(id), 1, 'l' || $2::text || gen_random_uuid(), jsonb_build_object('text', $1::text) FROM publication`,
		"delivery_attempt.error": `INSERT INTO delivery_attempt (publication_id, recipient_id, channel_id, attempt, state, error_kind, error_code, error)
			SELECT min(id), $2::bigint % 3, 1, 1, 6, 'give_up', 'rejected', $1 FROM publication`,
		"dead_letter.error": `INSERT INTO dead_letter (publication_id, channel_id, recipient_id, attempts, error_kind, error_code, error, fingerprint)
			SELECT 1, 1, coalesce(max(id), 0) + 1000, 1, 'give_up', 'c' || $2::text, $1, 'f' FROM dead_letter`,
		"webhook_event.data": `INSERT INTO webhook_event (uid, type, occurred_at, data) VALUES (gen_random_uuid(), 'x' || $2::text, now(), jsonb_build_object('error', $1::text))`,
		"webhook_attempt.error": `INSERT INTO webhook_attempt (endpoint, event, attempt, at, duration_ms, error)
			SELECT 1, $2::bigint % 3 + 1, 1 + count(*), now(), 1, $1 FROM webhook_attempt`,
		"idempotency.key":    `INSERT INTO idempotency (principal, route, key, request_hash, publication_id) VALUES ('me' || $2::text, 'r' || gen_random_uuid(), $1, '', 1)`,
		"idempotency.answer": `INSERT INTO idempotency (principal, route, key, request_hash, publication_id, answer) VALUES ('me' || $2::text, 'r', gen_random_uuid(), '', 1, $1)`,
	}
}

// dumped is all that the database holds, as text.
func dumped(t *testing.T, db *DB) string {
	t.Helper()
	var all strings.Builder
	rows, err := db.pool.Query(t.Context(), `SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 40 {
		t.Fatal(len(tables), err)
	}
	for _, table := range tables {
		all.WriteString(value[string](t, db, `SELECT coalesce(string_agg(format('`+table+`: %s', t), E'\n'), '') FROM `+table+` t`) + "\n")
	}
	return all.String()
}

// left are the lines of the database that mention a text.
func left(t *testing.T, db *DB, text string) (lines []string) {
	t.Helper()
	for line := range strings.SplitSeq(dumped(t, db), "\n") {
		if strings.Contains(strings.ToLower(line), text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestEveryMentionIsErased: of every column that TestEveryColumnIsDeclared has as one in which a person may be mentioned, and those
// of other people, and of no other row anything is taken.
func TestEveryMentionIsErased(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	db.searchRows = 2
	statements, columns := mentioning(), 0
	exec(t, db, statements["publication.title"], "first", "0")
	for _, column := range strings.Fields(personal()["mentioned"] + " message.name message.data subscriber.name subscriber.attributes") {
		if statements[column] == "" {
			t.Errorf("%s: this test writes nothing into it", column)
			continue
		}
		for i := range 3 {
			exec(t, db, statements[column], fmt.Sprintf("to Ann.%s@x.org.", column), fmt.Sprint(i))
			exec(t, db, statements[column], fmt.Sprintf("keep jo.ann.%s@x.org", column), fmt.Sprint(i))
		}
		columns++
	}
	begun := map[string]ident.UID{}
	for column := range statements {
		e, err := db.EraseAddress(t.Context(), "ann."+column+"@x.org")
		if err != nil {
			t.Fatal(err)
		}
		begun[column] = e.UID
	}
	eraseAll(t, db)
	for column, uid := range begun {
		kept, want := 3, int64(3)
		if column == "idempotency.key" {
			kept, want = 0, 6 // nobody knows what clients put before an address in a key
		}
		if e, err := db.Erasure(t.Context(), uid); err != nil || e.Mentions != want || e.Look != 2 {
			t.Errorf("%s: %+v, %v", column, e, err)
		}
		lines := left(t, db, "ann."+column+"@x.org")
		for _, line := range lines {
			if !strings.Contains(line, "keep jo.ann") {
				t.Errorf("%s: %s", column, line)
			}
		}
		if len(lines) != kept {
			t.Errorf("%s: of other people's rows there are %d: %q", column, len(lines), lines)
		}
	}
	if columns != 15 {
		t.Errorf("%d columns", columns)
	}
}

// TestSpellingsOfAnAddress: it is found however it stands in a text, and as a part of no other address.
func TestSpellingsOfAnAddress(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	for text, want := range map[string]string{
		"a&b+c@x.org": "[erased]",
		"A&B+C@X.ORG": "[erased]",
		"'a&b+c@x.org' <a&b+c@x.org>,a&b+c@x.org.":  "'[erased]' <[erased]>,[erased].",
		"https://x.org/?e=a%26b%2Bc%40x.org&x=1":    "https://x.org/?e=[erased]&x=1",
		"https://x.org/?e%3da%26b%2bc%40x.org":      "https://x.org/?e%3d[erased]",
		"mailto:a&b+c@x.org?subject=x":              "mailto:[erased]?subject=x",
		`{"to":"a\u0026b+c@x.org"}`:                 `{"to":"[erased]"}`,
		`{"to":"line\na\u0026b+c@x.org\n"}`:         `{"to":"line\n[erased]\n"}`,
		"to=a&b+c@x.org":                            "to=[erased]",
		"da&b+c@x.org a&b+c@x.org.uk a&b+c@x.orga":  "da&b+c@x.org a&b+c@x.org.uk a&b+c@x.orga",
		"j.a&b+c@x.org j-a&b+c@x.org j_a&b+c@x.org": "j.a&b+c@x.org j-a&b+c@x.org j_a&b+c@x.org",
		"b+c@x.org a&b@x.org a&b+c@xborg":           "b+c@x.org a&b@x.org a&b+c@xborg",
	} {
		got := value[string](t, db, `SELECT regexp_replace($1, $2, '[erased]', 'gi')`, text, mention(spellings("a&b+c@x.org")))
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestMentionsWrittenMeanwhile: whatever is written while the search goes on, before it or behind it, is found, as long as that lasts
// less than the search does; and after every range the process may die.
func TestMentionsWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	first := openHashing(t)
	columns := strings.Fields(personal()["mentioned"] + " message.data subscriber.name")
	statements := mentioning()
	exec(t, first, statements["publication.title"], "to ann@x.org", "0")
	begun, err := first.EraseAddress(t.Context(), "ann@x.org")
	if err != nil {
		t.Fatal(err)
	}
	written, places := 1, map[string]bool{}
	for done := false; !done; {
		db := anotherProcess(first)
		db.searchRows = 1
		e, err := db.Erasure(t.Context(), begun.UID)
		if err != nil {
			t.Fatal(err)
		}
		if e.Look <= 2 { // two in every place of the first two looks: one into the table it is at, and one into another
			places[fmt.Sprint(e.Look, e.Table)] = true
			for i, column := range columns {
				if table, _, _ := strings.Cut(column, "."); (table == e.Table && e.Read < 20) || i == int(e.Read+int64(e.TablesDone))%len(columns) {
					exec(t, db, statements[column], fmt.Sprintf("%d to ann@x.org", written), fmt.Sprint(written))
					written++
				}
			}
		}
		// A process that dies within a range leaves nothing of it.
		dying, die := context.WithCancel(t.Context())
		die()
		if _, err := db.SearchErased(dying, 0); err == nil {
			t.Error("a process that is dead went on")
		}
		done = stepErasures(t, db)
	}
	for _, line := range left(t, first, "ann@x.org") {
		t.Error(line)
	}
	if e, err := first.Erasure(t.Context(), begun.UID); err != nil || e.Mentions != int64(written) || e.Look < 4 || e.Look == mostLooks {
		t.Errorf("%d written: %+v, %v", written, e, err)
	}
	if len(places) != 2*len(searches) {
		t.Errorf("written while the search was in %d places", len(places))
	}
}

// TestSearchWaitsForWriters: what somebody wrote who has not committed yet cannot be seen. The next look waits for them.
func TestSearchWaitsForWriters(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	begun, err := db.EraseAddress(t.Context(), "ann@x.org")
	if err != nil {
		t.Fatal(err)
	}
	writer, err := db.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Rollback(t.Context()) }() // or the pool could not be closed after a failure
	if _, err := writer.Exec(t.Context(), mentioning()["publication.title"], "to ann@x.org", "1"); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if stepErasures(t, db) {
			t.Fatal("it is over while somebody writes")
		}
	}
	if e, err := db.Erasure(t.Context(), begun.UID); err != nil || e.Look != 2 || e.TablesDone != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if err := writer.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	eraseAll(t, db)
	if lines := left(t, db, "ann@x.org"); len(lines) > 0 {
		t.Errorf("left: %q", lines)
	}
	if e, err := db.Erasure(t.Context(), begun.UID); err != nil || e.Mentions != 1 || e.Look != 3 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestLaterLooksWait: between two looks there is as much time as somebody may have in hand what they read.
func TestLaterLooksWait(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	if _, err := db.EraseAddress(t.Context(), "ann@x.org"); err != nil {
		t.Fatal(err)
	}
	for range searches {
		if more, err := db.SearchErased(t.Context(), time.Hour); err != nil || !more {
			t.Fatal(more, err)
		}
	}
	if more, err := db.SearchErased(t.Context(), time.Hour); err != nil || more {
		t.Errorf("another look began at once: %v", err)
	}
	if n := value[int](t, db, `SELECT count(*) FROM erasure WHERE look = 2 AND state = 'running' AND due_at BETWEEN now() + interval '50 minutes' AND now() + interval '1 hour'`); n != 1 {
		t.Error("it does not wait for an hour")
	}
	if left, err := db.RunningErasures(t.Context()); err != nil || left.Running != 1 || left.Oldest <= 0 {
		t.Errorf("%+v, %v", left, err)
	}
	eraseAll(t, db)
	if left, err := db.RunningErasures(t.Context()); err != nil || left != (subscriber.Erasures{}) {
		t.Errorf("%+v, %v", left, err)
	}
}

// TestSearchEnds though somebody writes the address again and again; and who asks again meanwhile has it looked for once more.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	endless, err := db.EraseAddress(t.Context(), "ann@x.org")
	if err != nil {
		t.Fatal(err)
	}
	for i, over := 0, false; !over; i++ {
		exec(t, db, mentioning()["publication.title"], "to ann@x.org", fmt.Sprint(i))
		over = stepErasures(t, db)
	}
	if e, err := db.Erasure(t.Context(), endless.UID); err != nil || e.Look != mostLooks || e.State != subscriber.ErasureCompleted {
		t.Errorf("%+v, %v", e, err)
	}
	twice, err := db.EraseAddress(t.Context(), "bob@x.org")
	if err != nil {
		t.Fatal(err)
	}
	for e := twice; e.Look < 2 || e.TablesDone < 3; { // into the second look, which finds nothing
		stepErasures(t, db)
		if e, err = db.Erasure(t.Context(), twice.UID); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, mentioning()["publication.title"], "to bob@x.org", "1")
	if again, err := db.EraseAddress(t.Context(), "bob@x.org"); err != nil || again.UID != twice.UID {
		t.Errorf("%+v, %v", again, err)
	}
	eraseAll(t, db)
	if e, err := db.Erasure(t.Context(), twice.UID); err != nil || e.Look != 4 || e.Mentions != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestManyAreErasedTogether: by several processes at once, each of them as if they were alone, and the tables are read once for
// all of them.
func TestManyAreErasedTogether(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	db.searchRows = 3
	statements := mentioning()
	exec(t, db, statements["publication.title"], "first", "0")
	people := erasedTogether + 5
	begun := map[ident.UID]int{}
	for i := range people {
		for n := range i % 4 {
			for _, column := range []string{"publication.title", "subscriber.attributes", "delivery_attempt.error", "idempotency.answer"} {
				exec(t, db, statements[column], fmt.Sprintf("to ann%d@x.org and ann%d@x.org", i, i), fmt.Sprint(i+n))
			}
		}
	}
	for i := range people {
		e, err := db.EraseAddress(t.Context(), fmt.Sprintf("ann%d@x.org", i))
		if err != nil {
			t.Fatal(err)
		}
		begun[e.UID] = 4 * (i % 4)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for value[int](t, db, `SELECT count(*) FROM erasure WHERE state = 'running'`) > 0 {
				if _, err := db.SearchErased(t.Context(), 0); err != nil {
					t.Error(err)
					return
				}
				exec(t, db, `UPDATE erasure SET due_at = clock_timestamp() WHERE due_at > clock_timestamp()`)
			}
		})
	}
	wg.Wait()
	list, err := db.ListErasures(t.Context(), 0, 100)
	if err != nil || len(list) != people {
		t.Fatal(len(list), err)
	}
	for _, e := range list {
		if e.Mentions != int64(begun[e.UID]) || e.State != subscriber.ErasureCompleted {
			t.Errorf("%+v, want %d", e, begun[e.UID])
		}
	}
	for i := range people {
		if lines := left(t, db, fmt.Sprintf("ann%d@", i)); len(lines) > 0 {
			t.Errorf("left: %q", lines)
		}
	}
}

// TestErasureWithoutItsKey waits until somebody gives it, and stops no other.
func TestErasureWithoutItsKey(t *testing.T) {
	t.Parallel()
	db := openHashing(t)
	exec(t, db, mentioning()["publication.title"], "to ann@x.org and bob@x.org", "1")
	lost, err := db.EraseAddress(t.Context(), "ann@x.org")
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New([]byte("another key, which came after it"))
	if err != nil {
		t.Fatal(err)
	}
	other := anotherProcess(db)
	other.sealer = sealer
	found, err := other.EraseAddress(t.Context(), "bob@x.org")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for value[string](t, db, `SELECT state FROM erasure WHERE uid = $1`, found.UID) == "running" {
		exec(t, db, `UPDATE erasure SET due_at = clock_timestamp() WHERE uid = $1 AND due_at > clock_timestamp()`, found.UID)
		if _, err := other.SearchErased(t.Context(), time.Hour); err != nil {
			if fault.CodeOf(err) != "erasure_unreadable" || strings.Contains(err.Error(), "ann@") {
				t.Fatal(err)
			}
			failed++
		}
	}
	if e, err := db.Erasure(t.Context(), lost.UID); err != nil || e.State != subscriber.ErasureRunning || failed == 0 {
		t.Errorf("%+v, %v, failed %d times", e, err, failed)
	}
	eraseAll(t, db)
	if got := value[string](t, db, `SELECT title FROM publication`); got != "to [erased] and [erased]" {
		t.Error(got)
	}
	keyless := anotherProcess(db)
	keyless.sealer = nil
	if _, err := keyless.EraseAddress(t.Context(), "cid@x.org"); fault.CodeOf(err) != "no_secret_key" {
		t.Errorf("without a key: %v", err)
	}
}
