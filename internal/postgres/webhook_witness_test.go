package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/testkit/contract"
	"github.com/presswork/presswork/internal/webhook"
)

// witnessing has the database itself note each change that is to be told of, by triggers: in the transaction that makes it, so
// that only what commits is noted. It is the second opinion about what is told.
const witnessing = `
CREATE TABLE witnessed (id bigint GENERATED ALWAYS AS IDENTITY, what text, subject text);
CREATE FUNCTION witness_publication() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    was text := ''; again boolean := true; asked text; verdict text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO witnessed (what, subject) VALUES ('publication.deleted', 'publications/' || OLD.uid);
        RETURN NULL;
    END IF;
    verdict := NEW.approval ->> 'state';
    IF TG_OP = 'UPDATE' THEN
        was := OLD.state;
        again := OLD.revised IS DISTINCT FROM NEW.revised;
        IF verdict IN ('approved', 'rejected') AND OLD.approval IS DISTINCT FROM NEW.approval THEN
            INSERT INTO witnessed (what, subject) VALUES ('publication.' || verdict, 'publications/' || NEW.uid);
        END IF;
    END IF;
    INSERT INTO witnessed (what, subject)
    SELECT 'publication.' || said, 'publications/' || NEW.uid
    FROM (SELECT CASE
        WHEN verdict = 'requested' THEN CASE WHEN again THEN 'approval_required' END
        WHEN was = NEW.state AND NOT (again AND was = 'scheduled') THEN NULL
        WHEN NEW.state = 'draft' THEN 'drafted'
        WHEN was IN ('paused', 'pausing') AND NEW.state IN ('scheduled', 'queued', 'sending') THEN 'resumed'
        WHEN NEW.state = 'completed_with_failures' THEN 'completed'
        WHEN NEW.state IN ('rendering', 'pausing', 'cancelling') THEN NULL
        ELSE NEW.state END AS said) x
    WHERE said IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON publication FOR EACH ROW EXECUTE FUNCTION witness_publication();

CREATE FUNCTION witness_delivery() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO witnessed (what, subject) SELECT 'delivery.' ||
        (ARRAY['reopened', 'deferred', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'uncertain', 'suppressed', 'skipped'])[NEW.state + 1],
        (SELECT 'publications/' || uid FROM publication WHERE id = NEW.publication_id) || coalesce('/recipients/' || CASE WHEN NEW.channel_id IN (1, 2)
            THEN (SELECT uid FROM subscriber WHERE id = NEW.recipient_id) ELSE (SELECT uid FROM channel WHERE id = NEW.recipient_id) END, '');
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER UPDATE ON delivery FOR EACH ROW WHEN (OLD.state <> NEW.state AND NOT (OLD.state = 1 AND NEW.state = 0))
    EXECUTE FUNCTION witness_delivery();
CREATE TRIGGER witness_held_back AFTER INSERT ON delivery FOR EACH ROW WHEN (NEW.state = 1) EXECUTE FUNCTION witness_delivery();

CREATE FUNCTION witness_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO witnessed (what, subject) SELECT 'delivery.deferred', (SELECT 'publications/' || uid FROM publication WHERE id = NEW.publication_id)
        || coalesce('/recipients/' || (SELECT uid FROM subscriber WHERE id = NEW.recipient_id), '');
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER UPDATE ON held FOR EACH ROW WHEN (NEW.due > OLD.due) EXECUTE FUNCTION witness_held();

CREATE FUNCTION witness_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO witnessed (what, subject) SELECT 'delivery.' || (ARRAY['opened', 'clicked', 'unsubscribed'])[NEW.kind],
        (SELECT 'publications/' || uid FROM publication WHERE id = NEW.publication_id)
        || coalesce('/recipients/' || (SELECT uid FROM subscriber WHERE id = NEW.recipient_id), '');
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT ON event FOR EACH ROW WHEN (NEW.kind <= 3) EXECUTE FUNCTION witness_event();

CREATE FUNCTION witness_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF coalesce(OLD.enabled, false) <> coalesce(NEW.enabled, false) THEN
        INSERT INTO witnessed (what, subject) SELECT 'channel.' || CASE WHEN NEW.enabled THEN 'enabled' ELSE 'disabled' END,
            'channels/' || coalesce(NEW.uid, OLD.uid);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT OR UPDATE OR DELETE ON channel FOR EACH ROW EXECUTE FUNCTION witness_channel();

CREATE FUNCTION witness_endpoint() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO witnessed (what, subject) VALUES ('webhook_endpoint.disabled', 'webhook-endpoints/' || NEW.uid);
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER UPDATE ON webhook_endpoint FOR EACH ROW WHEN (OLD.enabled AND NOT NEW.enabled) EXECUTE FUNCTION witness_endpoint();
GRANT SELECT ON witnessed TO public`

// everything is an endpoint that takes all there is, and of which the process knows at once.
func everything(tb testing.TB, db *DB, events ...string) int64 {
	tb.Helper()
	defer db.takers.forget()
	db.takers.life = 0
	return value[int64](tb, db, `INSERT INTO webhook_endpoint (uid, url, events, secrets, enabled)
		VALUES ($1, 'https://receiver.example/', $2, '', true) RETURNING id`, ident.New(), append([]string{}, events...))
}

// witness has an endpoint take everything from now on, and compares what it is told with what was done, when the test ends.
func witness(tb testing.TB, db *DB) {
	tb.Helper()
	endpoint := everything(tb, db)
	asOwner(tb, db, witnessing)
	tb.Cleanup(func() {
		if !tb.Failed() {
			compareWitnessed(tb, db, endpoint)
		}
	})
}

// compareWitnessed finds exactly what was witnessed, each as one event with one message.
func compareWitnessed(tb testing.TB, db *DB, endpoint int64) {
	tb.Helper()
	want := value[[]string](tb, db, `SELECT coalesce(array_agg(what || ' ' || subject ORDER BY what, subject), '{}') FROM witnessed`)
	got := value[[]string](tb, db, `SELECT coalesce(array_agg(type || ' ' || subject ORDER BY type, subject), '{}')
		FROM webhook_event e JOIN webhook_message m ON m.event = e.id AND m.endpoint = $1 AND m.state = 'pending'`, endpoint)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		tb.Errorf("told and not done, or done and not told:\n%s", strings.Join(difference(got, want), "\n"))
	}
	verifyEvents(tb, db)
	if alone := value[int](tb, db, `SELECT count(*)::int FROM webhook_event WHERE id NOT IN (SELECT event FROM webhook_message)`); alone > 0 {
		tb.Errorf("%d events are for nobody", alone)
	}
}

// difference is two sorted lists as lines with their counts, where they differ.
func difference(got, want []string) []string {
	counts := make(map[string]int)
	for _, line := range got {
		counts[line]++
	}
	for _, line := range want {
		counts[line]--
	}
	var lines []string
	for line, n := range counts {
		if n != 0 {
			lines = append(lines, fmt.Sprintf("%+d %s", n, line))
		}
	}
	slices.Sort(lines)
	return lines
}

// verifyEvents holds events of each type against their description, and finds nobody's address or name in any.
func verifyEvents(tb testing.TB, db *DB) {
	tb.Helper()
	rows, err := db.pool.Query(context.WithoutCancel(tb.Context()), `
		SELECT uid, type, subject, occurred_at, data FROM (SELECT *, row_number() OVER (PARTITION BY type ORDER BY id DESC) AS n FROM webhook_event) e
		WHERE n <= 20`)
	if err != nil {
		tb.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e webhook.Event, err error) {
		var data []byte
		err = row.Scan(&e.UID, &e.Type, &e.Subject, &e.At, &data)
		e.Data = json.RawMessage(data)
		return e, err
	})
	if err != nil {
		tb.Fatal(err)
	}
	if personal := value[int](tb, db, `SELECT count(*)::int FROM webhook_event WHERE data::text ~ '@|Reader|Desk'`); personal > 0 {
		tb.Errorf("%d events name somebody", personal)
	}
	for _, e := range list {
		body, err := e.Encode("https://news.example.com")
		if err != nil {
			tb.Fatal(err)
		}
		contract.VerifyEvent(tb, string(e.Type), body)
	}
}

// wantTold finds one event of a delivery, which says of the only delivery what the ledger says.
func wantTold(tb testing.TB, db *DB, state delivery.State, reason delivery.Reason) {
	tb.Helper()
	var what, now, why string
	var attempts, used, events int
	if err := db.pool.QueryRow(tb.Context(), `SELECT e.type, e.data ->> 'state', e.data ->> 'reason', (e.data ->> 'attempts')::int, d.attempt, count(*) OVER ()
		FROM webhook_event e, delivery d WHERE e.type LIKE 'delivery.%'`).Scan(&what, &now, &why, &attempts, &used, &events); err != nil {
		tb.Fatal(err)
	}
	if what != "delivery."+state.String() || now != state.String() || why != reason.String() || attempts != used || events != 1 {
		tb.Errorf("%d events: %s: %s, %s after %d attempts; want %s, %s after %d", events, what, now, why, attempts, state, reason, used)
	}
}
