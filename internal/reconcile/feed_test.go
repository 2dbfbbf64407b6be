package reconcile

import (
	"testing"

	"go.uber.org/zap"
)

// What is behind and has a free place comes into the queue, and the relay hears of it.
func TestFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`INSERT INTO publication (uid, title, type, priority, lane, state, channels, audience, contents, created_by)
		VALUES (gen_random_uuid(), 'News', 'announcement', 'normal', 1, 'sending', '{1}', '{"all": true}', '[]', 'test')`)
	w.exec(`INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size, place) SELECT 1, 1, 1, i, i + 1, 1, 0 FROM generate_series(1, 3) i`)
	pokes := 0
	r := New(w.db, w.queue, func() { pokes++ }, zap.NewNop())
	w.do(r.feed)
	want(w, 3, `SELECT count(*)::int FROM outbox WHERE kind = 'send-email'`)
	w.do(r.feed)
	want(w, 3, `SELECT count(*)::int FROM outbox`)
	if pokes != 1 {
		t.Errorf("the relay was told %d times", pokes)
	}
}
