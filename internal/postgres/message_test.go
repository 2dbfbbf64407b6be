package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
)

// message is one that resolves, to an address that nobody else has.
func (n *newsroom) message(t testing.TB, change func(*publication.MessageOrder)) publication.Submission {
	t.Helper()
	o := publication.MessageOrder{To: publication.Addressee{Email: "a@reader.example", Name: "Ann"}, TemplateName: "plain",
		Data: map[string]any{"n": 1.0}, Encoded: `{"n": 1}`}
	if change != nil {
		change(&o)
	}
	s, err := n.ResolveMessage(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMessagesShareAGroup with publications and with each other: one commit, and each has its own answer.
func TestMessagesShareAGroup(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var group []*acceptance
	for i := range 12 {
		s := n.submission(t, nil)
		if i%3 > 0 {
			s = n.message(t, nil)
		}
		if i%2 > 0 {
			s = keyed(s, fmt.Sprint(i%4), 0)
		}
		group = append(group, &acceptance{Submission: s, uid: ident.New(), actor: "a", answer: make(chan answer, 1)})
	}
	NewAcceptor(n.DB, nil).commit(t.Context(), group)
	first := map[string]ident.UID{}
	for i, one := range group {
		got := <-one.answer
		if got.err != nil {
			t.Fatal(got.err)
		}
		if message := value[bool](t, n.DB, `SELECT message FROM publication WHERE uid = $1`, got.accepted.UID); message != (one.Message != nil) {
			t.Errorf("%d is a message: %v", i, message)
		}
		if one.Key == "" {
			if got.accepted.UID != one.uid {
				t.Errorf("%d got another's answer", i)
			}
			continue
		}
		key := routeOf(one.Submission) + " " + one.Key
		if known, again := first[key]; again && (known != got.accepted.UID || !got.accepted.Replay) {
			t.Errorf("%d, of %s: %+v, and %s before", i, key, got.accepted, known)
		}
		first[key] = got.accepted.UID
	}
	for sql, want := range map[string]int{
		`SELECT count(*)::int FROM message`: len(first) - 2 + 4, `SELECT count(*)::int FROM delivery`: len(first) - 2 + 4,
		`SELECT count(*)::int FROM outbox WHERE kind = 'render'`: 4, `SELECT count(*)::int FROM outbox WHERE kind = 'send-email'`: len(first) - 2 + 4,
	} {
		if got := value[int](t, n.DB, sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
}

// TestMessageKeysBelongToTheirRoute, and are replayed like those of publications.
func TestMessageKeysBelongToTheirRoute(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := n.acceptor(t, nil)
	ctx := audit.WithActor(t.Context(), "a")
	accept := func(s publication.Submission) publication.Accepted {
		t.Helper()
		got, err := a.Accept(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first, other := accept(keyed(n.message(t, nil), "k", 1)), accept(keyed(n.submission(t, nil), "k", 1))
	if other.UID == first.UID || other.Replay || first.Replay {
		t.Errorf("%+v and %+v", first, other)
	}
	if again := accept(keyed(n.message(t, nil), "k", 1)); again.UID != first.UID || !again.Replay {
		t.Errorf("again %+v", again)
	}
	if _, err := a.Accept(ctx, keyed(n.message(t, nil), "k", 2)); fault.CodeOf(err) != "idempotency_mismatch" {
		t.Errorf("another message: %v", err)
	}
	if got, err := n.Replay(ctx, keyed(publication.Submission{Message: &publication.Message{}}, "k", 1)); err != nil || got.UID != first.UID {
		t.Errorf("replay %+v, %v", got, err)
	}
}

// TestMessagesAreTold like publications: that it is sending, what became of its delivery, that it is completed.
func TestMessagesAreTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	everything(t, n.DB)
	if _, err := n.acceptor(t, nil).Accept(t.Context(), n.message(t, nil)); err != nil {
		t.Fatal(err)
	}
	attempt(t, n.DB, nil)
	for _, what := range []webhook.Type{webhook.PublicationSending, webhook.PublicationCompleted, "delivery.sent"} {
		if told := value[int](t, n.DB, `SELECT count(*)::int FROM webhook_event WHERE type = $1`, what); told != 1 {
			t.Errorf("%s was told %d times", what, told)
		}
	}
}

// TestMessagesArePurged when they have ended for long enough. What became of them stays, and can be read.
func TestMessagesArePurged(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := n.acceptor(t, nil)
	var uids []ident.UID
	for range 3 {
		got, err := a.Accept(t.Context(), n.message(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, got.UID)
	}
	attempt(t, n.DB, nil)
	purge := func(want int64) {
		t.Helper()
		if removed, err := n.PurgeMessages(t.Context(), time.Hour); err != nil || removed != want {
			t.Errorf("removed %d, %v, want %d", removed, err, want)
		}
	}
	purge(0)
	n.exec(t, `UPDATE message SET created_at = now() - interval '2 hours'`)
	purge(0) // the first ended just now, the others have not
	n.exec(t, `UPDATE publication SET completed_at = now() - interval '2 hours' WHERE state = 'completed'`)
	purge(1)
	m, account, err := n.Message(t.Context(), uids[0])
	if err != nil || m.Title != "plain" || m.Subscriber != nil || delivery.State(m.DeliveryState) != delivery.Sent || account.State != delivery.Sent {
		t.Errorf("%+v, %+v, %v", m, account, err)
	}
	if list, err := n.Messages(t.Context(), publication.MessageFilter{Limit: 5}); err != nil || len(list) != 3 || list[0].UID != uids[2] {
		t.Errorf("%+v, %v", list, err)
	}
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM message`); rows != 2 {
		t.Errorf("%d are left", rows)
	}
}

// TestMessageLinksAreKept by their numbers, as tracking looks them up.
func TestMessageLinksAreKept(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	got, err := n.acceptor(t, nil).Accept(t.Context(), n.message(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	id := value[int64](t, n.DB, `SELECT id FROM publication WHERE uid = $1`, got.UID)
	for range 2 {
		if err := n.StoreLinks(t.Context(), id, []string{"https://a.example/", "https://b.example/"}); err != nil {
			t.Fatal(err)
		}
	}
	if url := value[string](t, n.DB, `SELECT string_agg(n || url, ' ' ORDER BY n) FROM link WHERE publication_id = $1`, id); url != "0https://a.example/ 1https://b.example/" {
		t.Error(url)
	}
}
