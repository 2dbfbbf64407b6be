package postgres

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

const secretLink = "https://house.example/p/confirm/s3cret"

// lettered hands a letter in, from a sender that is made for it, and returns the id of its message.
func lettered(t *testing.T, db *DB, l letter.Letter) ident.UID {
	t.Helper()
	exec(t, db, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address, is_default)
		VALUES ($1, 'desk', 'Desk', 'desk@example.org', 'Street 1', true) ON CONFLICT DO NOTHING`, ident.New())
	if l.Kind == "" {
		l.Kind = letter.ConfirmSubscription
	}
	l.Data = map[string]any{letter.Link: secretLink}
	uid, err := db.SendLetter(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

// owedOf claims the first batch and reads whom it owes.
func owedOf(t *testing.T, db *DB) delivery.Recipient {
	t.Helper()
	session, err := db.OpenSession(t.Context(), "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	b, err := db.Claim(t.Context(), session, 1, 1, 1)
	if err != nil || b == nil || !b.Message {
		t.Fatalf("claim %+v, %v", b, err)
	}
	owed, err := db.Owed(t.Context(), b)
	if err != nil || len(owed) != 1 {
		t.Fatalf("owed %+v, %v", owed, err)
	}
	return owed[0]
}

// TestLetterIsOnItsWay: everything is stored at once, and the nudge is the one that a batch gets.
func TestLetterIsOnItsWay(t *testing.T) {
	t.Parallel()
	db := open(t)
	until := time.Date(2040, 2, 3, 4, 5, 6, 0, time.UTC)
	uid := lettered(t, db, letter.Letter{Email: "a@reader.example", Name: "Ada", Language: "ar", ExpiresAt: &until})
	p, err := db.Publication(t.Context(), uid)
	if err != nil || p.State != "sending" || p.Type != "transactional" || p.Priority != "critical" || p.StartedAt == nil || p.Sender == nil {
		t.Errorf("%+v, %v", p, err)
	}
	list, err := db.Outbox(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	want, err := batchTask(1, 0, 1, 1)
	if got := list[0].Task; err != nil || got.ID != want.ID || got.Kind != want.Kind || got.Queue != want.Queue || !bytes.Equal(got.Payload, want.Payload) {
		t.Errorf("nudged by %+v, and not by %+v", got, want)
	}
	m, err := db.MessageToSend(t.Context(), p.ID)
	if err != nil || m.Language != "ar" || m.Letter != "confirm_subscription" || m.Message.Data["link"] != secretLink ||
		m.Message.Data["until"] != "2040-02-03" || m.Template != nil {
		t.Errorf("%+v, %v", m, err)
	}
	r := owedOf(t, db)
	if r.Email != "a@reader.example" || r.Name != "Ada" || r.Language != "ar" || r.Skip != delivery.NoReason || r.UID != "" {
		t.Errorf("%+v", r)
	}
	if _, err := db.MessageToSend(t.Context(), p.ID+1); !fault.Is(err, fault.NotFound) {
		t.Errorf("no message: %v", err)
	}
}

// TestLetterBelongsToItsTransaction: what is rolled back writes no letter.
func TestLetterBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	l := letter.Letter{Kind: letter.PreferenceLink, Email: "a@reader.example", Data: map[string]any{letter.Link: secretLink}}
	undone := errors.New("undone")
	err := n.tx(t.Context(), "sign up", func(tx pgx.Tx) error {
		if _, err := n.sendLetter(t.Context(), tx, l); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	for _, table := range []string{"publication", "message", "batch", "delivery", "outbox", "audit_event"} {
		if rows := value[int](t, n.DB, `SELECT count(*)::int FROM `+table); rows != 0 {
			t.Errorf("%d rows in %s", rows, table)
		}
	}
}

// TestLetterOnce: a key makes it one letter.
func TestLetterOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	first := lettered(t, n.DB, letter.Letter{Email: "a@reader.example", Key: "confirm:1"})
	if again := lettered(t, n.DB, letter.Letter{Email: "a@reader.example", Key: "confirm:1"}); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	if other := lettered(t, n.DB, letter.Letter{Email: "a@reader.example", Key: "confirm:2"}); other == first {
		t.Error("another key is the same letter")
	}
	if rows := value[int](t, n.DB, `SELECT count(*)::int FROM publication`); rows != 2 {
		t.Errorf("%d letters", rows)
	}
}

// TestLetterToWhom: an address that is a subscriber's is that subscriber, whatever they chose.
func TestLetterToWhom(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"active":       `UPDATE subscriber SET status = 'active'`,
		"pending":      `UPDATE subscriber SET status = 'pending'`,
		"unsubscribed": `UPDATE subscriber SET status = 'unsubscribed', topics = '{}', revoked_at = now()`,
		"paused":       `UPDATE subscriber SET paused_until = now() + interval '1 day', channels_off = '{1}', frequency = 2`,
		"at night":     `UPDATE subscriber SET quiet_from = 0, quiet_to = 1439`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			n.exec(t, change)
			n.exec(t, `UPDATE subscriber SET email = 'ada@reader.example', language = 'fr' WHERE uid = $1`, n.Readers[1])
			lettered(t, n.DB, letter.Letter{Email: "ada@reader.example", Language: ""})
			r := owedOf(t, n.DB)
			if r.UID != n.Readers[1].String() || r.Email != "ada@reader.example" || r.Language != "fr" || r.Skip != delivery.NoReason || r.HeldFor != delivery.NoReason {
				t.Errorf("%+v", r)
			}
			if id := value[int64](t, n.DB, `SELECT id FROM subscriber WHERE uid = $1`, n.Readers[1]); r.ID != id {
				t.Errorf("recipient %d in the ledger, subscriber %d", r.ID, id)
			}
		})
	}
}

// TestLetterToNobody: who was deleted meanwhile gets nothing.
func TestLetterToNobody(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"deleted": `UPDATE subscriber SET email = uid || '@deleted.invalid'`,
		"purged":  `DELETE FROM subscriber`,
		"erased":  `DELETE FROM message`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			lettered(t, n.DB, letter.Letter{Subscriber: value[int64](t, n.DB, `SELECT min(id) FROM subscriber`)})
			n.exec(t, change)
			if r := owedOf(t, n.DB); r.Skip != delivery.Gone {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestLetterToSuppressed: the suppression list is honoured, also of an address that is no subscriber's. What has expired says so: it is not
// sent though they were taken off the list.
func TestLetterToSuppressed(t *testing.T) {
	t.Parallel()
	hasher, err := suppression.NewHasher([]byte("the words of the tests, long enough"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		address string
		expired bool
	}{
		"a stranger": {"a@reader.example", false}, "a subscriber": {"ada@reader.example", false},
		"expired": {"a@reader.example", true}, "a subscriber's, expired": {"ada@reader.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := Open(t.Context(), dbtest.New(t), Options{Addresses: hasher})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			n := furnish(t, db)
			n.exec(t, `UPDATE subscriber SET email = 'ada@reader.example' WHERE uid = $1`, n.Readers[1])
			lettered(t, db, letter.Letter{Email: c.address})
			if _, _, err := db.Suppress(t.Context(), c.address, byHand()); err != nil {
				t.Fatal(err)
			}
			want := delivery.SuppressedManual
			if c.expired {
				want = delivery.Expired
				n.exec(t, `UPDATE message SET expires_at = now()`)
			}
			if r := owedOf(t, db); r.Skip != want {
				t.Errorf("%+v, want %s", r, want)
			}
		})
	}
}

// TestLetterOfTheirOwn: an e-mail template with the reserved name replaces the built-in text, at the version of the moment.
func TestLetterOfTheirOwn(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.exec(t, `INSERT INTO template (uid, name, channel, version) VALUES ($1, 'system/confirm_subscription', 'email', 3),
		($2, 'system/resubscribe', 'slack', 1)`, ident.New(), ident.New())
	own := lettered(t, n.DB, letter.Letter{Email: "a@reader.example"})
	other := lettered(t, n.DB, letter.Letter{Email: "a@reader.example", Kind: letter.Resubscribe})
	for uid, want := range map[ident.UID]int{own: 3, other: 0} {
		id := value[int64](t, n.DB, `SELECT id FROM publication WHERE uid = $1`, uid)
		m, err := n.MessageToSend(t.Context(), id)
		if err != nil || (m.Template != nil) != (want > 0) || want > 0 && m.Template.Version != want {
			t.Errorf("%+v, %v, want version %d", m, err, want)
		}
	}
}

func TestLetterFromNobody(t *testing.T) {
	t.Parallel()
	db := open(t)
	l := letter.Letter{Kind: letter.PreferenceLink, Email: "a@reader.example", Data: map[string]any{letter.Link: secretLink}}
	if _, err := db.SendLetter(t.Context(), l); fault.CodeOf(err) != "no_default_sender" || !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	l.Email = ""
	if _, err := db.SendLetter(t.Context(), l); fault.KindOf(err) != fault.Internal {
		t.Error(err)
	}
	l.Email, l.Data["link too"] = "a@reader.example", func() {}
	if _, err := db.SendLetter(t.Context(), l); err == nil || fault.KindOf(err) != fault.Internal {
		t.Error(err)
	}
}

// TestLetterFromWhomItSays names a sender that is not the default.
func TestLetterFromWhomItSays(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	other := ident.New()
	n.exec(t, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address) VALUES ($1, 'other', 'Other', 'other@example.org', '')`, other)
	p, err := n.Publication(t.Context(), lettered(t, n.DB, letter.Letter{Email: "a@reader.example", Sender: other}))
	if err != nil || *p.Sender != other {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestLettersKeepTheirSecret: the link is with the letter and nowhere else, and is gone once it has arrived.
func TestLettersKeepTheirSecret(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	uid := lettered(t, n.DB, letter.Letter{Email: "a@reader.example"})
	for _, table := range []string{"publication", "batch", "delivery", "outbox", "audit_event"} {
		if text := value[string](t, n.DB, `SELECT coalesce(string_agg(x::text, ''), '') FROM `+table+` x`); text == "" ||
			strings.Contains(text, "s3cret") || strings.Contains(text, "reader.example") {
			t.Errorf("%s: %s", table, text)
		}
	}
	data := func() string { return value[string](t, n.DB, `SELECT data::text FROM message`) }
	advance := func() {
		if err := n.AdvanceOpen(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if advance(); !strings.Contains(data(), "s3cret") {
		t.Errorf("wiped before it was sent: %s", data())
	}
	attempt(t, n.DB, nil)
	if advance(); data() != "{}" {
		t.Errorf("still there: %s", data())
	}
	if p, err := n.Publication(t.Context(), uid); err != nil || p.State != "completed" {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestLettersThatMayBeSentAgain keep their link, until it would not work any more.
func TestLettersThatMayBeSentAgain(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"failed":    fault.New(fault.GiveUp, "no_mailbox", "There is no such mailbox."),
		"uncertain": fault.Wrap(errors.New("cut"), fault.Uncertain, "no_answer"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			until := time.Now().Add(time.Hour)
			lettered(t, n.DB, letter.Letter{Email: "a@reader.example", ExpiresAt: &until})
			attempt(t, n.DB, err)
			for _, there := range []bool{true, false} {
				if err := n.AdvanceOpen(t.Context()); err != nil {
					t.Fatal(err)
				}
				if value[bool](t, n.DB, `SELECT data <> '{}' FROM message`) != there {
					t.Errorf("there: %v", !there)
				}
				n.exec(t, `UPDATE message SET expires_at = clock_timestamp() - interval '1 second'`)
			}
		})
	}
}

// TestListsLeaveMessagesOut, unless transactional publications are asked for.
func TestListsLeaveMessagesOut(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	message := lettered(t, n.DB, letter.Letter{Email: "a@reader.example"})
	_, other := n.accepted(t, nil)
	for _, c := range []struct{ types, want string }{
		{"", other.String()}, {"newsletter", other.String()}, {"transactional", message.String()},
		{"transactional newsletter", other.String() + " " + message.String()},
	} {
		var f publication.Filter
		for name := range strings.FieldsSeq(c.types) {
			f.Types = append(f.Types, publication.Type(name))
		}
		f.Limit = 5
		list, err := n.Publications(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range list {
			got = append(got, p.UID.String())
		}
		total, err := n.TotalPublications(t.Context(), f)
		if strings.Join(got, " ") != c.want || err != nil || total.N != int64(len(got)) {
			t.Errorf("of %q: %v, %+v, %v", c.types, got, total, err)
		}
	}
}
