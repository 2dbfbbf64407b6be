package postgres

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

func readLines(t testing.TB, file string) []subscriber.Subscriber {
	t.Helper()
	read, err := subscriber.ReadCSV(strings.NewReader(file), subscriber.Options{ConsentSource: "import"})
	if err != nil || read.Bad > 0 {
		t.Fatalf("%+v, %v", read, err)
	}
	return read.Subscribers
}

func importFile(t testing.TB, db *DB, file string, on subscriber.OnDuplicate, dryRun bool) subscriber.Imported {
	t.Helper()
	got, err := db.ImportSubscribers(t.Context(), readLines(t, file), on, dryRun)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func byEmail(t testing.TB, db *DB, email string) subscriber.Subscriber {
	t.Helper()
	list, err := db.ListSubscribers(t.Context(), subscriber.Filter{EmailPrefix: email}, subscriber.Position{}, 2)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %d found, %v", email, len(list), err)
	}
	return list[0]
}

func TestImportInsertsInChunks(t *testing.T) {
	t.Parallel()
	db := open(t)
	var file strings.Builder
	file.WriteString("email,name,topics,attr.n\n")
	const n = 2*importChunk + 1
	for i := range n {
		fmt.Fprintf(&file, "r%d@x.org,Reader %d,all;t%d,%d\n", i, i, i%7, i)
	}
	if dry := importFile(t, db, file.String(), subscriber.Skip, true); dry != (subscriber.Imported{Created: n}) {
		t.Errorf("dry run: %+v", dry)
	}
	if count, err := db.CountSubscribers(t.Context(), subscriber.Filter{}); err != nil || count != 0 {
		t.Errorf("a dry run stored %d, %v", count, err)
	}
	if topics, err := db.ListTopics(t.Context(), 0, 10); err != nil || len(topics) != 0 {
		t.Errorf("a dry run made topics: %v, %v", topics, err)
	}
	if got := importFile(t, db, file.String(), subscriber.Skip, false); got != (subscriber.Imported{Created: n}) {
		t.Errorf("got %+v", got)
	}
	one := byEmail(t, db, "r8@x.org")
	if one.Name != "Reader 8" || one.Language != "en" || one.Timezone != "UTC" || one.Status != subscriber.Active ||
		one.ConsentSource != "import" || one.ConsentAt == nil || one.UID[6]>>4 != 7 ||
		!slices.Equal(one.Topics, []string{"all", "t1"}) || !reflect.DeepEqual(one.Attributes, map[string]any{"n": "8"}) {
		t.Errorf("got %+v", one)
	}
	if got := importFile(t, db, file.String(), subscriber.Skip, false); got != (subscriber.Imported{Skipped: n}) {
		t.Errorf("a second time: %+v", got)
	}
	if want := []string{"subscriber.import", "subscriber.import"}; !slices.Equal(auditActions(t, db), want) {
		t.Errorf("audit %v", auditActions(t, db))
	}
}

func TestImportUpdatesWhatLinesSay(t *testing.T) {
	t.Parallel()
	db := open(t)
	createReader(t, db, subscriber.Input{Email: "full@x.org", Name: "Old", Language: "de", Timezone: "Europe/Berlin",
		Topics: []string{"go", "art"}, Attributes: map[string]any{"a": 1.0, "b": "b"}, ConsentSource: "form"})
	createReader(t, db, subscriber.Input{Email: "empty@x.org", Name: "Kept", Topics: []string{"go"}})
	got := importFile(t, db, "email,name,topics,attr.b,attr.c\nfull@x.org,New,go;new,B,C\nempty@x.org,,,,\nnew@x.org,N,,,\n",
		subscriber.Update, false)
	if got != (subscriber.Imported{Created: 1, Updated: 2}) {
		t.Errorf("got %+v", got)
	}
	full := byEmail(t, db, "full@x.org")
	if full.Name != "New" || full.Language != "de" || full.Timezone != "Europe/Berlin" || full.ConsentSource != "form" ||
		!slices.Equal(full.Topics, []string{"go", "new"}) || full.RevokedAt == nil || full.Version != 2 ||
		!reflect.DeepEqual(full.Attributes, map[string]any{"a": 1.0, "b": "B", "c": "C"}) {
		t.Errorf("got %+v", full)
	}
	empty := byEmail(t, db, "empty@x.org")
	if empty.Name != "Kept" || !slices.Equal(empty.Topics, []string{"go"}) || empty.RevokedAt != nil {
		t.Errorf("an empty cell changed something: %+v", empty)
	}
}

func TestImportKeepsUnsubscribedOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   string
		status subscriber.Status
	}{
		"says nothing": {"email\ngone@x.org\n", subscriber.Unsubscribed},
		"says active":  {"email,status\ngone@x.org,active\n", subscriber.Unsubscribed},
		"says pending": {"email,status\ngone@x.org,pending\n", subscriber.Unsubscribed},
		"says source":  {"email,consent_source\ngone@x.org,shop\n", subscriber.Unsubscribed},
		"says both":    {"email,status,consent_source\ngone@x.org,active,shop\n", subscriber.Unsubscribed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			before := createReader(t, db, subscriber.Input{Email: "gone@x.org", Status: "unsubscribed"})
			importFile(t, db, c.file, subscriber.Update, false)
			after := byEmail(t, db, "gone@x.org")
			if after.Status != c.status || (after.ConsentAt != nil) != (c.status == subscriber.Active) || before.ConsentAt != nil {
				t.Errorf("got %+v", after)
			}
		})
	}
}

// The report counts who had unsubscribed and stays so, in every way of importing; not who does by their line.
func TestImportCountsWhoStaysUnsubscribed(t *testing.T) {
	t.Parallel()
	const file = "email,status\ngone1@x.org,\ngone2@x.org,active\ngone3@x.org,unsubscribed\nhere@x.org,unsubscribed\nnew@x.org,unsubscribed\nnewer@x.org,\n"
	for _, c := range []struct {
		on   subscriber.OnDuplicate
		dry  bool
		want subscriber.Imported
	}{
		{subscriber.Skip, true, subscriber.Imported{Created: 2, Skipped: 4, LeftUnsubscribed: 2}},
		{subscriber.Skip, false, subscriber.Imported{Created: 2, Skipped: 4, LeftUnsubscribed: 2}},
		{subscriber.Update, true, subscriber.Imported{Created: 2, Updated: 4, LeftUnsubscribed: 2}},
		{subscriber.Update, false, subscriber.Imported{Created: 2, Updated: 4, LeftUnsubscribed: 2}},
	} {
		t.Run(fmt.Sprintf("%s, dry %t", c.on, c.dry), func(t *testing.T) {
			t.Parallel()
			db := open(t)
			for i := range 3 {
				createReader(t, db, subscriber.Input{Email: fmt.Sprintf("gone%d@x.org", i+1), Status: "unsubscribed"})
			}
			createReader(t, db, subscriber.Input{Email: "here@x.org"})
			if got := importFile(t, db, file, c.on, c.dry); got != c.want {
				t.Errorf("got %+v", got)
			}
			if n := value[int](t, db, `SELECT left_unsubscribed FROM subscriber_import`); n != c.want.LeftUnsubscribed {
				t.Errorf("%d are noted", n)
			}
		})
	}
}

func TestImportThatUnsubscribesRevokes(t *testing.T) {
	t.Parallel()
	db := open(t)
	createReader(t, db, subscriber.Input{Email: "a@x.org"})
	importFile(t, db, "email,status\na@x.org,unsubscribed\n", subscriber.Update, false)
	if got := byEmail(t, db, "a@x.org"); got.Status != subscriber.Unsubscribed || got.RevokedAt == nil {
		t.Errorf("got %+v", got)
	}
}

func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	attributes := map[string]any{}
	for i := range subscriber.MaxAttributes {
		attributes[fmt.Sprintf("a%d", i)] = true
	}
	createReader(t, db, subscriber.Input{Email: "full@x.org", Attributes: attributes})
	_, err := db.ImportSubscribers(t.Context(), readLines(t, "email,attr.more\nnew@x.org,\nfull@x.org,1\n"), subscriber.Update, false)
	if fault.CodeOf(err) != "too_many_attributes" {
		t.Errorf("got %v", err)
	}
	if n, err := db.CountSubscribers(t.Context(), subscriber.Filter{}); err != nil || n != 1 {
		t.Errorf("%d stored, %v", n, err)
	}
}

// What a dead process leaves is gone on with, by one: every line is stored once, whoever comes when.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	db := open(t)
	var file strings.Builder
	file.WriteString("email\n")
	for i := range 2*importChunk + 7 {
		fmt.Fprintf(&file, "r%d@x.org\n", i)
	}
	lines := readLines(t, file.String())
	asked := subscriber.Run{UID: ident.New(), Mark: []byte("mark"), On: subscriber.Update, Lines: len(lines), ConsentSource: "fair"}
	run, err := db.BeginImport(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	half, err := db.importSome(t.Context(), run, lines[:importChunk])
	if err != nil || half.Done != importChunk || half.Created != importChunk {
		t.Fatalf("%+v, %v", half, err)
	}
	if _, err := db.BeginImport(t.Context(), asked); fault.CodeOf(err) != "import_running" {
		t.Errorf("a second one beside it: %v", err)
	}
	if _, err := db.pool.Exec(t.Context(), `UPDATE subscriber_import SET updated_at = clock_timestamp() - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	other := asked
	other.Mark = []byte("other")
	if _, err := db.BeginImport(t.Context(), other); fault.CodeOf(err) != "import_differs" {
		t.Errorf("another file: %v", err)
	}
	again, err := db.BeginImport(t.Context(), asked)
	if err != nil || again.Done != importChunk || again.Created != importChunk || again.State != subscriber.ImportRunning {
		t.Fatalf("%+v, %v", again, err)
	}
	done, err := db.Import(t.Context(), again, lines)
	if err != nil || done.Imported != (subscriber.Imported{Created: len(lines)}) {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := db.Import(t.Context(), run, lines); fault.CodeOf(err) != "import_elsewhere" {
		t.Errorf("who was thought dead: %v", err)
	}
	stored, err := db.ImportRun(t.Context(), asked.UID)
	if err != nil || stored.State != subscriber.ImportCompleted || stored.Done != len(lines) || stored.Created != len(lines) {
		t.Errorf("%+v, %v", stored, err)
	}
	if one := byEmail(t, db, "r7@x.org"); one.ConsentSource != "fair" || one.Version != 1 {
		t.Errorf("got %+v", one)
	}
	if want := []string{"subscriber.import"}; !slices.Equal(auditActions(t, db), want) {
		t.Errorf("audit %v", auditActions(t, db))
	}
}

func TestImportsAreForgotten(t *testing.T) {
	t.Parallel()
	db := open(t)
	importFile(t, db, "email\na@x.org\n", subscriber.Skip, false)
	if _, err := db.pool.Exec(t.Context(), `UPDATE subscriber_import SET updated_at = clock_timestamp() - interval '31 days'`); err != nil {
		t.Fatal(err)
	}
	importFile(t, db, "email\na@x.org\n", subscriber.Skip, true)
	if n := value[int](t, db, `SELECT count(*) FROM subscriber_import`); n != 2 {
		t.Errorf("%d are there before", n)
	}
	if err := db.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*) FROM subscriber_import`); n != 1 {
		t.Errorf("%d are left", n)
	}
	if _, err := db.ImportRun(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
}
