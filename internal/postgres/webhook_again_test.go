package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/webhook"
)

func TestResendAndRecover(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	ids := happen(t, db, 5)
	exec(t, db, `UPDATE webhook_event SET occurred_at = occurred_at - '1 day'::interval WHERE uid = '`+ids[0].String()+`'`)
	s.posted(t, s.claim(t, e, 4), webhook.Answer{Status: 410})
	exec(t, db, `UPDATE webhook_endpoint SET enabled = true`)
	s.posted(t, s.claim(t, e, 1), good)
	since := time.Now().Add(-time.Hour)
	n, err := s.RecoverWebhooks(t.Context(), e.UID, since, nil)
	if err != nil || n != 3 || s.states(t, e)[webhook.Pending] != 3 || s.states(t, e)[webhook.Failed] != 1 {
		t.Errorf("recovered %d: %v, %v", n, s.states(t, e), err)
	}
	if n, err := s.RecoverWebhooks(t.Context(), e.UID, since, nil); err != nil || n != 0 {
		t.Errorf("once more: %d, %v", n, err)
	}
	until := time.Now().Add(-23 * time.Hour)
	if n, err := s.RecoverWebhooks(t.Context(), e.UID, since.Add(-30*time.Hour), &until); err != nil || n != 1 {
		t.Errorf("of the day before: %d, %v", n, err)
	}
	s.posted(t, s.claim(t, e, 10), good)
	if err := s.ResendWebhook(t.Context(), e.UID, ids[4]); err != nil {
		t.Fatal(err)
	}
	c := s.claim(t, e, 10)
	if len(c.Items) != 1 || c.Items[0].Event.UID != ids[4] || c.Items[0].Step != 0 {
		t.Fatalf("resent %+v", c.Items)
	}
	s.posted(t, c, good)
	if d, attempts, err := s.Webhook(t.Context(), e.UID, ids[4]); err != nil || d.Attempts != 2 || len(attempts) != 2 || d.State != webhook.Delivered {
		t.Errorf("%+v, %v", d, err)
	}
	if err := s.ResendWebhook(t.Context(), e.UID, ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := s.RecoverWebhooks(t.Context(), ident.New(), since, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no endpoint: %v", err)
	}
}

// TestResentWhileUnderWay: a call that is under way when its event is resent does not answer for the resending: that is posted
// with a schedule of its own, also if the call was the last attempt.
func TestResentWhileUnderWay(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]webhook.Answer{"failed": bad, "delivered": good} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			s := hooks(t, db)
			e := s.endpoint(t)
			id := happen(t, db, 1)[0]
			exec(t, db, `UPDATE webhook_message SET step = 2`)
			last := s.claim(t, e, 1)
			if err := s.ResendWebhook(t.Context(), e.UID, id); err != nil {
				t.Fatal(err)
			}
			s.posted(t, last, answer)
			again := s.claim(t, e, 1)
			if len(again.Items) != 1 || again.Items[0].Step != 0 {
				t.Fatalf("%v, claimed %+v", s.states(t, e), again.Items)
			}
			s.posted(t, again, good)
			if counts := s.states(t, e); counts[webhook.Delivered] != 1 {
				t.Errorf("%v", counts)
			}
		})
	}
}

// TestOldWebhooks go in steps, whoever still waits for them.
func TestOldWebhooks(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := hooks(t, db)
	e := s.endpoint(t)
	happen(t, db, 5)
	s.posted(t, s.claim(t, e, 3), bad)
	exec(t, db, `UPDATE webhook_event SET created_at = created_at - '31 days'::interval WHERE id IN (SELECT id FROM webhook_event ORDER BY id LIMIT 4)`)
	for _, want := range []int64{3, 1, 0} {
		if n, err := db.purgeWebhooks(t.Context(), time.Now().Add(-webhooksKept), 3); err != nil || n != want {
			t.Errorf("removed %d, %v", n, err)
		}
	}
	for table, want := range map[string]int{"webhook_event": 1, "webhook_message": 1, "webhook_attempt": 0} {
		if n := value[int](t, db, `SELECT count(*) FROM `+table); n != want {
			t.Errorf("%d of %s are left", n, table)
		}
	}
	happen(t, db, 1)
	exec(t, db, `UPDATE webhook_event SET created_at = created_at - '31 days'::interval`)
	if err := db.Maintain(context.WithoutCancel(t.Context())); err != nil || value[int](t, db, `SELECT count(*) FROM webhook_event`) != 0 {
		t.Errorf("maintenance leaves %d, %v", value[int](t, db, `SELECT count(*) FROM webhook_event`), err)
	}
}
