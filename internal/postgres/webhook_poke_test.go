package postgres

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/webhook"
)

// TestAnnounced: whoever posts is told after the commit, and of nothing that was rolled back or that nobody takes.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	db, err := Open(t.Context(), dbtest.New(t), Options{Announced: func() { told.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	hooks(t, db).endpoint(t, "publication.*")
	undone := errors.New("undone")
	for i, c := range []struct {
		kind webhook.Type
		end  error
		want int32
	}{{webhook.PublicationSending, undone, 0}, {webhook.ChannelEnabled, nil, 0}, {webhook.PublicationSending, nil, 1}} {
		err := db.tx(t.Context(), "test", func(tx pgx.Tx) error {
			return errors.Join(db.announce(t.Context(), tx, webhook.Event{Type: c.kind, Data: struct{}{}}), c.end)
		})
		if !errors.Is(err, c.end) || told.Load() != c.want {
			t.Errorf("%d: told %d times, %v", i, told.Load(), err)
		}
	}
}
