package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/tasks"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// Statements of a recorded trace have spans, which hold no values; others have none.
func TestSpansOfStatements(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	db, err := Open(t.Context(), dbtest.New(t), Options{Log: zap.NewNop(), Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(telemetry.WithTraceParent(t.Context(), traceParent)); err != nil {
		t.Fatal(err)
	}
	if n := len(recorder.Started()); n != 0 {
		t.Errorf("%d spans below nothing that is recorded", n)
	}
	ctx, root := tracer.Start(t.Context(), "root")
	const address = "ada@example.org"
	if _, err := db.pool.Exec(ctx, `UPDATE topic SET name = $1`, address); err != nil {
		t.Error(err)
	}
	if _, err := db.pool.Exec(ctx, `SELECT  count(*)
		FROM subscriber WHERE id = $1::text::integer`, address); err == nil {
		t.Error("an address was taken for a number")
	}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT $1::text`, address)
	if err := db.pool.SendBatch(ctx, batch).Close(); err != nil {
		t.Error(err)
	}
	root.End()
	var names, statuses []string
	for _, s := range recorder.Ended() {
		names, statuses = append(names, s.Name()), append(statuses, s.Status().Description)
		for _, a := range s.Attributes() {
			if strings.Contains(a.Value.String(), "ada") {
				t.Errorf("%s of %s is %q", a.Key, s.Name(), a.Value.String())
			}
		}
		if s.Name() != "root" && s.Parent().SpanID() != root.SpanContext().SpanID() {
			t.Errorf("%s is below %s", s.Name(), s.Parent().SpanID())
		}
		if len(s.Events()) > 0 {
			t.Errorf("%s has events: %v", s.Name(), s.Events())
		}
	}
	sameStrings(t, names, "UPDATE topic", "SELECT subscriber", "BATCH", "root")
	sameStrings(t, statuses, "", "22P02", "", "")
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"":                                       "empty",
		"commit":                                 "COMMIT",
		"SELECT 1":                               "SELECT",
		insertOutbox:                             "INSERT outbox",
		claimBatch:                               "UPDATE batch",
		releaseBatch:                             "WITH delivery",
		"SELECT count(*) FROM (SELECT FROM a) x": "SELECT a",
		"DELETE FROM":                            "DELETE",
	} {
		if got := summary(strings.Fields(sql)); got != want {
			t.Errorf("got %q, want %q for %s", got, want, sql)
		}
	}
}

// Whatever nudges a publication later, its tasks follow from the request that made it; until then, from what is
// going on.
func TestTasksFollowFromTheRequest(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ctx := telemetry.WithTraceParent(t.Context(), traceParent)
	acceptor := n.acceptor(t, nil)
	for _, s := range []publication.Submission{n.submission(t, nil), n.submission(t, inAnHour)} {
		if _, err := acceptor.Accept(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := acceptor.Accept(t.Context(), n.submission(t, nil)); err != nil {
		t.Fatal(err)
	}
	n.wantOutbox(t, "accepted", traceParent, "")
	if traced := value[int](t, n.DB, `SELECT count(*)::int FROM publication WHERE trace_context = $1`, traceParent); traced != 2 {
		t.Errorf("%d publications have the request's span", traced)
	}
	n.exec(t, `UPDATE publication SET scheduled_at = now() WHERE state = 'scheduled'`)
	if _, err := n.QueueDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.wantOutbox(t, "due", traceParent)
	n.exec(t, `DELETE FROM publication WHERE trace_context IS NULL`)
	n.exec(t, `UPDATE publication SET nudged_at = now() - interval '1 hour', state = 'sending', started_at = now()`)
	n.exec(t, `INSERT INTO batch (publication_id, channel_id, lane, lo, hi, size) SELECT id, 1, 1, 0, 10, 10 FROM publication`)
	if err := n.tx(telemetry.WithTraceParent(t.Context(), strings.ReplaceAll(traceParent, "b7", "c8")), "nudge", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, nudgeLanes, []int16{1}, []int16{int16(tasks.LaneNormal)}, "infinity", 100)
		if err != nil {
			return err
		}
		_, err = nudgeAll(ctx, tx, rows)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	n.wantOutbox(t, "nudged again", traceParent, traceParent)
}

// wantOutbox empties the outbox, and wants tasks that follow from these spans.
func (n *newsroom) wantOutbox(t *testing.T, what string, want ...string) {
	t.Helper()
	list, err := n.Outbox(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var rows []int64
	for _, o := range list {
		got, rows = append(got, o.Task.TraceParent), append(rows, o.Row)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: the tasks follow from %q, want %q", what, got, want)
	}
	if err := n.DeleteOutbox(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}
