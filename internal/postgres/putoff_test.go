package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
)

// TestPutOffKeepsTheNudge: the batch waits, for the same generation, and no new task is made.
func TestPutOffKeepsTheNudge(t *testing.T) {
	t.Parallel()
	db := open(t)
	subscribers(t, db, 10)
	fanOut(t, db, queued(t, db, publication.Audience{All: true}), 1)
	session, b := claim(t, db)
	var before, after int
	scan(t, db, `SELECT count(*) FROM outbox`, &before)
	if err := db.PutOff(t.Context(), b, time.Minute); err != nil {
		t.Fatal(err)
	}
	scan(t, db, `SELECT count(*) FROM outbox`, &after)
	if after != before {
		t.Errorf("%d tasks were made", after-before)
	}
	again, err := db.Claim(t.Context(), session, b.ID, b.Gen, b.Token+1)
	var f *fault.Error
	if again != nil || !errors.As(err, &f) || f.Kind != fault.Wait || f.After < 50*time.Second {
		t.Errorf("claimed too early: %+v, %v", again, err)
	}
	exec(t, db, `UPDATE batch SET not_before = clock_timestamp()`)
	if again, err = db.Claim(t.Context(), session, b.ID, b.Gen, b.Token+1); err != nil || again == nil {
		t.Errorf("not claimed by the same nudge: %v", err)
	}
	if err := db.PutOff(t.Context(), b, time.Minute); !errors.Is(err, delivery.ErrFenced) {
		t.Errorf("put off under an old claim: %v", err)
	}
}

// TestStandInsGetNoBroadcast of their own: the place would get everything twice.
func TestStandInsGetNoBroadcast(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	for _, c := range []struct{ name, fallback string }{{"bot", "hook"}, {"hook", ""}, {"other", "itself-off"}} {
		if _, err := store.CreateChannel(t.Context(), slackChannel(c.name, c.fallback)); err != nil {
			t.Fatal(err)
		}
	}
	id := queued(t, db, publication.Audience{})
	exec(t, db, `UPDATE publication SET state = 'rendering', channels = '{3}'`)
	if _, started, err := db.StartFanout(t.Context(), publication.Fanout{Publication: id, Lane: 1, Broadcasts: []int16{3}}); err != nil || !started {
		t.Fatal(started, err)
	}
	var targets string
	scan(t, db, `SELECT string_agg(c.name, ' ' ORDER BY c.name) FROM delivery d JOIN channel c ON c.id = d.recipient_id`, &targets)
	if targets != "bot other" {
		t.Errorf("sent to %s", targets)
	}
	limits, err := db.EnabledLimits(t.Context())
	if err != nil || len(limits) != 3 || limits[0].Limits().Fallback != "hook" || limits[0].Kind != "slack" {
		t.Errorf("%+v, %v", limits, err)
	}
}

func slackChannel(name, fallback string) channel.Channel {
	settings := map[string]string{"conversation": "C1"}
	if fallback != "" {
		settings["fallback"] = fallback
	}
	return channel.Channel{Kind: channel.Slack, Provider: "slack", Name: name, Enabled: true, Settings: settings}
}
