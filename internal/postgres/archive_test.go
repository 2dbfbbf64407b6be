package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// issue makes a newsletter that began to go out some minutes after the others did, for topics ("[1]") or everybody.
func issue(t *testing.T, db *DB, title string, minute int, topics string) ident.UID {
	t.Helper()
	audience := `{"all": true}`
	if topics != "" {
		audience = `{"topics": ` + topics + `}`
	}
	uid := ident.New()
	exec(t, db, `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, listed, started_at)
		VALUES ($1, $2, 'newsletter', 'normal', 1, 'completed', '{1,2}', $3, '[]', 'test', true, timestamptz '2030-01-01Z' + $4 * interval '1 minute')`,
		uid, title, audience, minute)
	return uid
}

func titles(t *testing.T, db *DB, f publication.ArchiveFilter) (string, publication.ArchiveList) {
	t.Helper()
	list, err := db.ArchiveList(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list.Entries {
		all = append(all, e.Title)
	}
	return strings.Join(all, " "), list
}

// What was not listed, has not begun, or was stopped before anybody got it, is not in the archive.
func TestArchiveDoesNotLeak(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, state     string
		listed, started bool
		sent            map[channel.Kind]int // by channel
		shown           bool
	}{
		{"going out", "sending", true, true, nil, true},
		{"out", "completed", true, true, nil, true},
		{"out but for some", "completed_with_failures", true, true, nil, true},
		{"not listed", "completed", false, true, map[channel.Kind]int{channel.Newsletter: 9}, false},
		{"scheduled", "scheduled", true, false, nil, false},
		{"queued", "queued", true, false, nil, false},
		{"rendering", "rendering", true, false, nil, false},
		{"failed", "failed", true, false, nil, false},
		{"paused before its time", "paused", true, false, nil, false},
		{"cancelled before its time", "cancelled", true, false, nil, false},
		{"being stopped before anybody got it", "pausing", true, true, nil, false},
		{"paused before anybody got it", "paused", true, true, nil, false},
		{"being cancelled before anybody got it", "cancelling", true, true, nil, false},
		{"cancelled before anybody got it", "cancelled", true, true, nil, false},
		{"cancelled when only mail was out", "cancelled", true, true, map[channel.Kind]int{channel.Email: 5, channel.Newsletter: 0}, false},
		{"cancelled when it was out", "cancelled", true, true, map[channel.Kind]int{channel.Newsletter: 1}, true},
		{"paused when it was out", "paused", true, true, map[channel.Kind]int{channel.Newsletter: 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			uid := issue(t, db, "Spring", 0, "")
			exec(t, db, `UPDATE publication SET state = $1, listed = $2, started_at = CASE WHEN $3 THEN started_at END`, c.state, c.listed, c.started)
			for kind, n := range c.sent {
				exec(t, db, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, n_sent)
					SELECT id, $1, 1, 0, 100, 100, $2 FROM publication`, kind.ID(), n)
			}
			got, list := titles(t, db, publication.ArchiveFilter{Limit: 10})
			if (got == "Spring") != c.shown || len(list.Entries) > 1 {
				t.Errorf("the archive shows %q", got)
			}
			if c.shown && (list.Entries[0].UID != uid || list.Entries[0].ID == 0 || list.Entries[0].Out.IsZero()) {
				t.Errorf("%+v", list.Entries[0])
			}
		})
	}
}

func TestArchiveIsPagedNewestFirst(t *testing.T) {
	t.Parallel()
	db := open(t)
	var uids []ident.UID
	for i, minute := range []int{3, 1, 2, 2, 5} { // the order of going out, not of being made; two at once
		uids = append(uids, issue(t, db, fmt.Sprint(i), minute, ""))
	}
	for _, c := range []struct {
		before ident.UID
		limit  int
		want   string
	}{
		{ident.UID{}, 10, "4 0 3 2 1"}, {ident.UID{}, 2, "4 0"}, {uids[0], 2, "3 2"}, {uids[3], 2, "2 1"}, {uids[1], 2, ""},
	} {
		if got, _ := titles(t, db, publication.ArchiveFilter{Before: c.before, Limit: c.limit}); got != c.want {
			t.Errorf("before %v: %q, want %q", c.before, got, c.want)
		}
	}
	exec(t, db, `UPDATE publication SET listed = false WHERE uid = $1`, uids[0])
	for name, uid := range map[string]ident.UID{"unknown": ident.New(), "not listed": uids[0]} {
		if _, err := db.ArchiveList(t.Context(), publication.ArchiveFilter{Before: uid, Limit: 1}); !fault.Is(err, fault.NotFound) {
			t.Errorf("before one that is %s: %v", name, err)
		}
	}
}

func TestArchiveOfATopic(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `INSERT INTO topic (uid, slug, name) VALUES ($1, 'go', 'Go'), ($2, 'c_3', 'C 3'), ($3, 'none', 'None')`, ident.New(), ident.New(), ident.New())
	issue(t, db, "all", 1, "")
	both := issue(t, db, "both", 2, "[2, 1]")
	issue(t, db, "one", 3, "[1]")
	issue(t, db, "eleven", 4, "[11]")
	for _, c := range []struct {
		filter     publication.ArchiveFilter
		want, name string
	}{
		{publication.ArchiveFilter{Topic: "go"}, "one both", "Go"},
		{publication.ArchiveFilter{Topic: "go", Before: both}, "", "Go"},
		{publication.ArchiveFilter{Topic: "c_3"}, "both", "C 3"},
		{publication.ArchiveFilter{Topic: "none"}, "", "None"},
		{publication.ArchiveFilter{Topic: "unknown"}, "", ""},
		{publication.ArchiveFilter{}, "eleven one both all", ""},
	} {
		c.filter.Limit = 10
		if got, list := titles(t, db, c.filter); got != c.want || list.Topic != c.name {
			t.Errorf("%+v: %q of %q", c.filter, got, list.Topic)
		}
	}
}

// The archive of a brand has what is from its senders, in the order in which it went out, of all topics or of one.
func TestArchiveOfABrand(t *testing.T) {
	t.Parallel()
	db := open(t)
	exec(t, db, `INSERT INTO topic (uid, slug, name) VALUES ($1, 'go', 'Go')`, ident.New())
	daily, weekly, none := newBrand(t, db, "daily", ident.UID{}), newBrand(t, db, "weekly", ident.UID{}), newBrand(t, db, "none", ident.UID{})
	desk, night, other := newSender(t, db, "desk", daily.UID), newSender(t, db, "night", daily.UID), newSender(t, db, "other", weekly.UID)
	var third ident.UID
	for i, c := range []struct {
		from   *sender.Identity
		topics string
	}{{&desk, ""}, {&night, "[1]"}, {nil, "[1]"}, {&desk, "[1, 2]"}, {&other, ""}, {&night, "[11]"}} {
		uid := issue(t, db, fmt.Sprint(i), i, c.topics)
		if c.from != nil {
			exec(t, db, `UPDATE publication SET sender_id = $2 WHERE uid = $1`, uid, c.from.ID)
		}
		if i == 3 {
			third = uid
		}
	}
	for _, c := range []struct {
		filter publication.ArchiveFilter
		want   string
	}{
		{publication.ArchiveFilter{Limit: 10}, "5 4 3 2 1 0"},
		{publication.ArchiveFilter{Limit: 10, Brand: daily.ID}, "5 3 1 0"},
		{publication.ArchiveFilter{Limit: 3, Brand: daily.ID}, "5 3 1"},
		{publication.ArchiveFilter{Limit: 10, Brand: daily.ID, Before: third}, "1 0"},
		{publication.ArchiveFilter{Limit: 10, Brand: daily.ID, Topic: "go"}, "3 1"},
		{publication.ArchiveFilter{Limit: 10, Brand: daily.ID, Topic: "unknown"}, ""},
		{publication.ArchiveFilter{Limit: 10, Brand: weekly.ID}, "4"},
		{publication.ArchiveFilter{Limit: 10, Brand: weekly.ID, Topic: "go"}, ""},
		{publication.ArchiveFilter{Limit: 10, Brand: none.ID}, ""},
		{publication.ArchiveFilter{Limit: 10, Brand: none.ID + 1}, ""},
	} {
		if got, _ := titles(t, db, c.filter); got != c.want {
			t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
		}
	}
	exec(t, db, `UPDATE publication SET listed = false WHERE title = '5'`)
	if got, _ := titles(t, db, publication.ArchiveFilter{Limit: 10, Brand: daily.ID}); got != "3 1 0" {
		t.Errorf("what is not listed is shown: %q", got)
	}
}

// The archive is read from the index in its order, however many publications there are, and a rare topic and a brand from their own.
// Whether something is from a sender is asked of an index, too.
func TestArchiveIsOneIndexScan(t *testing.T) {
	t.Parallel()
	db := open(t)
	daily := newBrand(t, db, "daily", ident.UID{})
	desk, idle := newSender(t, db, "desk", daily.UID), newSender(t, db, "idle", daily.UID)
	other := newSender(t, db, "other", ident.UID{})
	exec(t, db, `
		INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by, listed, started_at, sender_id)
		SELECT gen_random_uuid(), 'News', 'newsletter', 'normal', 1, 'completed', '{2}',
		       jsonb_build_object('topics', jsonb_build_array(CASE WHEN n % 5000 = 0 THEN 2 ELSE 1 END)), '[]', 'test', n % 4 > 0, now() + n * interval '1 second',
		       CASE WHEN n % 1000 = 1 THEN $1::integer ELSE $2::integer END
		FROM generate_series(1, 20000) n`, desk.ID, other.ID)
	asOwner(t, db, `VACUUM ANALYZE publication`)
	far := []any{pgtype.Timestamptz{Time: time.Now().Add(1000 * time.Hour), Valid: true}, 0, publication.OutStates(), 2, 21}
	from := func(more ...any) []any { return append(slices.Clone(far), more...) }
	type query struct {
		sql  string
		args []any
	}
	for name, c := range map[string]struct {
		query
		index string
	}{
		"all":                 {query{selectArchive + newestFirst, from()}, "Index Scan Backward using publication_listed on publication"},
		"common topic":        {query{ofTopic, from("[1]")}, "Index Scan Backward using publication_listed on publication"},
		"rare topic":          {query{ofTopic, from("[2]")}, "Bitmap Index Scan on publication_listed_topics"},
		"brand":               {query{ofBrand, from(nil, daily.ID)}, "Index Scan Backward using publication_listed_sender on publication"},
		"topic of a brand":    {query{ofBrand, from("[1]", daily.ID)}, "publication_listed_sender on publication"},
		"deletion of a brand": {query{namedBySenders, []any{[]int32{idle.ID, idle.ID + 1000}}}, "publication_sender on publication"},
		"a sender that leaves": {query{`SELECT EXISTS (SELECT FROM publication WHERE sender_id = $1)`, []any{idle.ID}},
			"publication_sender on publication"},
		// What PostgreSQL asks itself when a row that is referred to is deleted.
		"deletion of a sender": {query{`SELECT FROM ONLY publication x WHERE $1 OPERATOR(pg_catalog.=) sender_id FOR KEY SHARE OF x`, []any{idle.ID}},
			"publication_sender on publication"},
	} {
		plan := explained(t, db, c.sql, c.args...)
		if !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan on publication") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}

// explained is how a statement would be run.
func explained(t *testing.T, db *DB, sql string, args ...any) string {
	t.Helper()
	rows, err := db.pool.Query(t.Context(), "EXPLAIN "+sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// Rows from before the column are listed as the same request would be now.
func TestOlderPublicationsAreListedByTheSameRule(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	migrateTo(t, url, 10)
	db, err := Open(t.Context(), url, Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	words := publication.Vocabulary{Channels: kinds(channel.Kinds()...), Topic: func(name string) (string, error) { return name, nil }}
	yes, want := true, []string{}
	for _, kind := range publication.Types() {
		for _, channels := range [][]string{{"email"}, {"slack", "newsletter"}} {
			for stored, asked := range map[string]publication.AudienceRequest{
				`{"all": true}`: {All: &yes}, `{"topics": [1]}`: {Topics: []string{"go"}},
				`{"subscribers": [1]}`:            {Subscribers: []string{ident.New().String()}},
				`{"topics": [1], "exclude": [1]}`: {Topics: []string{"go"}, Exclude: []string{ident.New().String()}},
			} {
				request := publication.Request{Title: "x", Type: string(kind), Channels: channels, Contents: []string{ident.New().String()}, Audience: &asked}
				o, err := request.Parse(time.Now(), words)
				if err != nil {
					t.Fatal(err)
				}
				title := fmt.Sprint(kind, channels, stored)
				if o.Listed {
					want = append(want, title)
				}
				exec(t, db, `INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
					VALUES ($1, $2, $3, 'normal', 1, 'completed', $4::text::smallint[], $5, '[]', 'test')`,
					ident.New(), title, string(kind), channelArray(o.Channels), json.RawMessage(stored))
			}
		}
	}
	migrateTo(t, url, 11)
	got := value[[]string](t, db, `SELECT array_agg(title) FROM publication WHERE listed`)
	slices.Sort(got)
	slices.Sort(want)
	sameStrings(t, got, want...)
	if len(got) != 3*3 {
		t.Errorf("%d are listed", len(got))
	}
}

// What an order says about the archive is stored and shown.
func TestListedIsStored(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, listed := range []bool{true, false} {
		_, uid := n.accepted(t, func(o *publication.Order) { o.Listed = listed })
		if got, err := n.Publication(t.Context(), uid); err != nil || got.Listed != listed {
			t.Errorf("listed %t became %t, %v", listed, got.Listed, err)
		}
	}
}
