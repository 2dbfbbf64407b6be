package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// story is a newsroom whose every step is told of, in batches of three.
type story struct {
	*newsroom
	t        *testing.T
	acceptor *Acceptor
	seen     int64    // the newest event that was looked at
	types    []string // all that were told
	number   int
}

func newStory(t *testing.T) *story {
	t.Helper()
	h, err := suppression.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), dbtest.New(t), Options{MaxConns: 8, BatchSize: 3, Addresses: h})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := &story{newsroom: furnish(t, db), t: t}
	s.exec(t, `INSERT INTO subscriber (uid, email, status) SELECT gen_random_uuid(), 'reader' || i || '@example.org', 'active' FROM generate_series(1, 5) i`)
	s.acceptor = s.newsroom.acceptor(t, nil)
	waitForServerAge(t, db)
	witness(t, db)
	return s
}

// step does something, of which exactly these types are told, in any order.
func (s *story) step(name string, do func() error, want ...string) {
	s.t.Helper()
	if err := do(); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	got := value[[]string](s.t, s.DB, `SELECT coalesce(array_agg(type ORDER BY type), '{}') FROM webhook_event WHERE id > $1`, s.seen)
	s.seen = value[int64](s.t, s.DB, `SELECT coalesce(max(id), 0) FROM webhook_event`)
	s.types = append(s.types, got...)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: told of %q, want %q", name, got, want)
	}
}

// mail is a publication to everybody by e-mail, accepted.
func (s *story) mail(change func(*publication.Order)) (int64, ident.UID) {
	s.t.Helper()
	got, err := s.acceptor.Accept(s.t.Context(), s.submission(s.t, func(o *publication.Order) {
		o.Channels = kinds(channel.Email)
		if change != nil {
			change(o)
		}
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return value[int64](s.t, s.DB, `SELECT id FROM publication WHERE uid = $1`, got.UID), got.UID
}

// ready is an open batch of a publication, due now.
func (s *story) ready(id int64) (batch int64, gen int, found bool) {
	s.t.Helper()
	s.exec(s.t, `UPDATE batch SET not_before = NULL WHERE publication_id = $1`, id)
	err := s.pool.QueryRow(s.t.Context(), `
		SELECT id, gen FROM batch WHERE publication_id = $1 AND state IN ('ready', 'waiting') ORDER BY id LIMIT 1`, id).Scan(&batch, &gen)
	return batch, gen, err == nil
}

// send works through an open batch with a provider that answers so, one after another, and with success from then on.
func (s *story) send(id int64, answers ...error) error {
	batch, gen, found := s.ready(id)
	if !found {
		return nil
	}
	e := delivery.NewEngine(s.DB, delivery.Config{Process: "test", Connections: func(int16) int { return 1 },
		Notice: func(message string, err error) { s.t.Logf("%s: %v", message, err) }})
	open := func(context.Context, *delivery.Batch) (delivery.Way, error) {
		return delivery.Way{Send: func(context.Context, *delivery.Recipient) error {
			if len(answers) == 0 {
				return nil
			}
			answer := answers[0]
			answers = answers[1:]
			return answer
		}}, nil
	}
	_, err := e.Run(s.t.Context(), batch, gen, open)
	return errors.Join(err, e.Close(s.t.Context()), s.Advance(s.t.Context(), id))
}

// cut has a process take a batch, say whom it sends to, and die. It returns its session, and who was listed.
func (s *story) cut(id int64, listed int) (session int64, outcomes []delivery.Outcome, err error) {
	ctx := s.t.Context()
	batch, gen, found := s.ready(id)
	if !found {
		return 0, nil, nil
	}
	session = openSession(s.t, s.DB)
	b, err := s.Claim(ctx, session, batch, gen, 1)
	if b == nil || err != nil {
		return session, nil, err
	}
	owed, err := s.Owed(ctx, b)
	if listed = min(listed, len(owed)); err == nil && listed > 0 {
		err = s.Flush(ctx, delivery.Flush{Session: session, Number: 1, Lease: time.Minute,
			InFlight: []delivery.Window{{Batch: batch, After: b.Lo, Through: owed[listed-1].ID}}})
	}
	if err != nil {
		return session, nil, err
	}
	for _, r := range owed[:listed] {
		outcomes = append(outcomes, sent(b, r.ID)...)
	}
	s.exec(s.t, `UPDATE sender_session SET until = clock_timestamp() - interval '1 s' WHERE id = $1`, session)
	_, err = s.TakeOver(ctx)
	return session, outcomes, err
}

// report has a provider say something of a reader.
func (s *story) report(uid ident.UID, kind feedback.Kind, recipient int64) error {
	s.number++
	_, err := s.ApplyFeedback(s.t.Context(), []feedback.Event{{Key: feedback.NewKey("test", strconv.Itoa(s.number)), Kind: kind,
		Publication: uid, Channel: "email", Recipient: recipient, At: time.Now(), Source: suppression.SourceSES, Cause: "General"}})
	return err
}

// again makes all deliveries of a publication in a state owed again.
func (s *story) again(id int64, was delivery.State) error {
	return s.DB.tx(s.t.Context(), "reopen", func(tx pgx.Tx) error {
		keys, err := ledgerKeys(s.t.Context(), tx, `SELECT publication_id, channel_id, recipient_id FROM delivery WHERE publication_id = $1 AND state = $2`, id, int16(was))
		if err != nil {
			return err
		}
		var list []delivery.Key
		for k := range keys {
			list = append(list, k)
		}
		_, err = s.DB.reopen(s.t.Context(), tx, list, reopening{by: "key:test", was: was})
		return err
	})
}

var (
	errRefused = fault.New(fault.GiveUp, "no_mailbox", "There is no such mailbox.")
	errCut     = fault.Wrap(errors.New("cut"), fault.Uncertain, "no_answer")
)
