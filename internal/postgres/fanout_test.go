package postgres

import (
	"reflect"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestCountAudience(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 30)
	exec(t, db, `UPDATE subscriber SET status = 'unsubscribed' WHERE id > 27`)
	for _, tc := range []struct {
		audience    publication.Audience
		limit, want int
	}{
		{publication.Audience{All: true}, 100, 27},
		{publication.Audience{All: true}, 10, 10},
		{publication.Audience{All: true, Exclude: []int64{1, 2, 30, 99}}, 100, 25},
		{publication.Audience{Topics: []int32{1}}, 100, 9},
		{publication.Audience{Topics: []int32{1, 2}}, 100, 18},
		{publication.Audience{Topics: []int32{99}}, 100, 0},
		{publication.Audience{Subscribers: []int64{5, 6, 28, 99}}, 100, 2},
	} {
		if n, err := db.CountAudience(t.Context(), tc.audience, tc.limit); err != nil || n != tc.want {
			t.Errorf("%+v up to %d: %d, %v, want %d", tc.audience, tc.limit, n, err, tc.want)
		}
	}
}

func TestFailPublication(t *testing.T) {
	t.Parallel()
	db := open(t)
	for state, fails := range map[string]bool{"queued": true, "rendering": true, "sending": false, "paused": false, "cancelled": false, "completed": false} {
		id := queued(t, db, publication.Audience{All: true})
		exec(t, db, `UPDATE publication SET state = $2 WHERE id = $1`, id, state)
		if err := db.FailPublication(t.Context(), id, "no such \x00 template \xff"); err != nil {
			t.Fatal(err)
		}
		got := value[string](t, db, `SELECT state || failure FROM publication WHERE id = $1`, id)
		if want := map[bool]string{true: "failedno such  template \ufffd", false: state}[fails]; got != want {
			t.Errorf("%s became %q, want %q", state, got, want)
		}
	}
	id := queued(t, db, publication.Audience{All: true})
	exec(t, db, `UPDATE publication SET state = 'cancelled'`)
	if p, err := db.StartRender(t.Context(), id); p != nil || err != nil {
		t.Errorf("a cancelled one is rendered: %v, %v", p, err)
	}
	if ranges, started, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Ranges: 1}); ranges != nil || started || err != nil {
		t.Errorf("a cancelled one is fanned out: %v, %v, %v", ranges, started, err)
	}
}

// TestBroadcastsHaveABatchForEachTarget and their renditions can be read.
func TestBroadcastsHaveABatchForEachTarget(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	exec(t, db, `INSERT INTO channel (uid, kind, provider, name, enabled) VALUES
		(gen_random_uuid(), 'slack', 'slack', 'a', true), (gen_random_uuid(), 'slack', 'slack', 'b', true),
		(gen_random_uuid(), 'slack', 'slack', 'off', false), (gen_random_uuid(), 'discord', 'discord', 'c', true)`)
	id := queued(t, db, publication.Audience{})
	if _, err := db.StartRender(ctx, id); err != nil {
		t.Fatal(err)
	}
	f := publication.Fanout{Publication: id, Lane: 1, Broadcasts: []int16{channel.Slack.ID(), channel.Discord.ID()},
		Links: []string{"https://example.org/0", "https://example.org/1"},
		Renditions: []publication.StoredRendition{{Channel: 3, Language: "en", Body: []byte(`{"text": "hello"}`)},
			{Channel: 3, Language: "de", Body: []byte(`{"text": "hallo"}`)}, {Channel: 4, Language: "en", Body: []byte(`{}`)}}}
	if ranges, started, err := db.StartFanout(ctx, f); len(ranges) != 0 || !started || err != nil {
		t.Fatal(ranges, started, err)
	}
	got := value[string](t, db, `SELECT string_agg(c.name || b.size || b.state, ' ' ORDER BY c.name)
		FROM batch b JOIN channel c ON c.id > b.lo AND c.id <= b.hi JOIN delivery d ON d.recipient_id = c.id AND d.channel_id = b.channel_id`)
	if got != "a1ready b1ready c1ready" {
		t.Errorf("batches %s", got)
	}
	if n := value[int](t, db, `SELECT count(*) FROM outbox WHERE kind IN ('send-slack', 'send-discord')`); n != 3 {
		t.Errorf("%d nudges, want 3", n)
	}
	if url := value[string](t, db, `SELECT url FROM link WHERE n = 1`); url != "https://example.org/1" {
		t.Errorf("link 1 is %s", url)
	}
	p, list, err := db.Edition(ctx, id, 3)
	if err != nil || p.ID != id || len(list) != 2 || list[0].Language != "de" || string(list[1].Body) != `{"text": "hello"}` {
		t.Errorf("edition %+v, %v, %v", p, list, err)
	}
	if _, list, err := db.Edition(ctx, id, 1); err != nil || len(list) != 0 {
		t.Errorf("edition of a channel that it is not on: %v, %v", list, err)
	}
	if _, _, err := db.Edition(ctx, 99, 3); !fault.Is(err, fault.NotFound) {
		t.Errorf("edition of nothing: %v", err)
	}
	if found, err := db.PublicationID(ctx, p.UID); err != nil || found != id {
		t.Errorf("found %d, %v", found, err)
	}
	if _, err := db.PublicationID(ctx, ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("found nothing: %v", err)
	}
}

func TestFanoutToAnUnknownChannelIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := queued(t, db, publication.Audience{All: true})
	if _, err := db.StartRender(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Broadcasts: []int16{99}}); err == nil {
		t.Error("channel 99")
	}
	if state := value[string](t, db, `SELECT state FROM publication`); state != "rendering" {
		t.Errorf("the publication is %s after it was rolled back", state)
	}
}

// TestPlaceSwitchedOffWhileFanningOut has a place switched off just between its row and its batch: it gets both or
// neither. A row without a batch would be nobody's to send.
func TestPlaceSwitchedOffWhileFanningOut(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id, _ := n.accepted(t, nil)
	ctx := t.Context()
	if p, err := n.StartRender(ctx, id); err != nil || p == nil {
		t.Fatal(p, err)
	}
	tx, err := n.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `LOCK TABLE batch IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, _, err := n.StartFanout(ctx, publication.Fanout{Publication: id, Broadcasts: []int16{channel.Slack.ID()}})
		done <- err
	}()
	for !value[bool](t, n.DB, `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'batch'::regclass AND NOT granted)`) {
	}
	if _, err := tx.Exec(ctx, `UPDATE channel SET enabled = false WHERE kind = 'slack'`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	rows := value[int](t, n.DB, `SELECT count(*)::int FROM delivery`)
	batches := value[int](t, n.DB, `SELECT count(*)::int FROM batch`)
	if rows != batches {
		t.Errorf("%d rows and %d batches", rows, batches)
	}
}

// TestFewAmongMany reads a page of an audience of two: with a plan made for it, not with the one plan that fits all
// audiences, which walks through every subscriber.
func TestFewAmongMany(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), dbtest.New(t), Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	subscribers(t, db, 20_000)
	exec(t, db, `ANALYZE subscriber`)
	few := publication.Audience{Subscribers: []int64{7, 19_000}}
	id := queued(t, db, few)
	exec(t, db, `UPDATE publication SET state = 'sending'`)
	exec(t, db, `INSERT INTO fanout_range (publication_id, cursor, hi) VALUES ($1, 0, 20000)`, id)
	for range 10 { // PostgreSQL keeps a plan from the sixth time on
		if page, err := db.ReadPage(t.Context(), 1, 1); err != nil || len(page.Readers) != 2 {
			t.Fatalf("read %+v, %v", page, err)
		}
		if n, err := db.CountAudience(t.Context(), few, 1000); err != nil || n != 2 {
			t.Fatalf("counted %d, %v", n, err)
		}
	}
	if kept := value[int](t, db, `SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE '%s.topics && $1%' AND NOT statement LIKE '%pg_prepared%'`); kept != 0 {
		t.Errorf("%d plans are kept", kept)
	}
	for _, topics := range [][]int32{{1}, {99}} { // of a third of all, of nobody
		if blocks := plannedBlocks(t, db, "force_custom_plan", someoneHasTopic, []any{topics, []string{}}); blocks > 100 { // the table has some 300
			t.Errorf("%d blocks were touched to see whether somebody has topic %d", blocks, topics)
		}
	}
	args := append(audienceArgs(few), int64(0), int64(20_000), publication.PageSize)
	if blocks := plannedBlocks(t, db, "force_custom_plan", readPage+pageEnd, args); blocks > 50 {
		t.Errorf("%d blocks were touched to read two subscribers", blocks)
	}
}

// TestRenderingAgainChangesNothing that is shown: who keeps the publication by its ETag would not see it.
func TestRenderingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a, err := n.acceptor(t, nil).Accept(t.Context(), n.submission(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	shown := func() publication.Summary {
		p, err := n.Publication(t.Context(), a.UID)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	id := value[int64](t, n.DB, `SELECT id FROM publication`)
	queued := shown()
	for again := range 2 {
		before := shown()
		if p, err := n.StartRender(t.Context(), id); err != nil || p == nil {
			t.Fatal(p, err)
		}
		after := shown()
		if again == 1 && !reflect.DeepEqual(before, after) {
			t.Errorf("%+v became %+v", before, after)
		}
		if after.Version != queued.Version+1 || after.UpdatedAt.Before(queued.UpdatedAt) {
			t.Errorf("version %d after %d", after.Version, queued.Version)
		}
	}
}
