package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// noted are links that remember for what they were made.
type noted struct {
	mu       sync.Mutex
	requests []int64 // of confirmations
	prefer   []int64 // readers
	until    []time.Time
}

func (n *noted) ConfirmLink(_, request int64, until time.Time) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests, n.until = append(n.requests, request), append(n.until, until)
	return "https://house.example/p/confirm/" + strconv.FormatInt(request, 10)
}

func (n *noted) PreferLink(reader int64, until time.Time) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.prefer, n.until = append(n.prefer, reader), append(n.until, until)
	return "https://house.example/p/preferences/" + strconv.FormatInt(reader, 10)
}

// openHouse is a place with a sender, where readers come and go.
func openHouse(t *testing.T) (*DB, *Subscriptions, *noted) {
	t.Helper()
	db := openHashing(t)
	exec(t, db, `INSERT INTO sender_identity (uid, name, from_name, from_email, postal_address, is_default)
		VALUES (gen_random_uuid(), 'desk', 'Desk', 'desk@house.example', 'Street 1', true)`)
	for _, slug := range []string{"art", "go"} {
		if _, err := db.CreateTopic(t.Context(), subscriber.Topic{Slug: slug, Name: slug, Public: true}); err != nil {
			t.Fatal(err)
		}
	}
	links := &noted{}
	s := db.Subscriptions(links)
	return db, s, links
}

func signUp(t *testing.T, s *Subscriptions, email string, topics ...string) {
	t.Helper()
	up, err := subscriber.NewSignUp(email, "Ann", "de", topics)
	if err != nil {
		t.Fatal(err)
	}
	ctx := consent.With(audit.WithActor(t.Context(), "subscriber"), consent.Act{Source: consent.Form, Text: &consent.Text{Language: "de", Body: "Ja."}, IP: "192.0.2.7"})
	if err := s.SignUp(ctx, up); err != nil {
		t.Fatal(err)
	}
}

func confirm(t *testing.T, s *Subscriptions, reader, request int64) consent.Outcome {
	t.Helper()
	ctx := consent.With(audit.WithActor(t.Context(), "subscriber"), consent.Act{Source: consent.Page, Granted: consent.Confirmed})
	outcome, err := s.Confirm(ctx, reader, request)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// letters is how many letters there are, by what they are about.
func letters(t *testing.T, db *DB) string {
	t.Helper()
	return value[string](t, db, `SELECT coalesce(string_agg(n || ' ' || title, ', ' ORDER BY title), '')
		FROM (SELECT title, count(*) AS n FROM publication GROUP BY title) p`)
}

// TestComingAndGoing: sign up, confirm, leave, and come back: nothing changes before the reader has confirmed.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	signUp(t, s, "ann@x.org", "go")
	ann := byEmail(t, db, "ann@x.org")
	if ann.Status != subscriber.Pending || ann.Language != "de" || ann.ConsentAt != nil || letters(t, db) != "1 system/confirm_subscription" {
		t.Errorf("signed up: %+v, letters: %s", ann, letters(t, db))
	}
	r, err := s.Request(t.Context(), ann.ID, links.requests[0])
	if err != nil || r.Done || r.Void || !slices.Equal(r.Topics, []string{"go"}) || r.Email != "ann@x.org" {
		t.Errorf("the request is %+v, %v", r, err)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Now {
		t.Errorf("confirmed: %v", got)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Before {
		t.Errorf("confirmed twice: %v", got)
	}
	signUp(t, s, "ann@x.org", "art") // whoever that is: it changes nothing, and Ann gets a link
	if now := byEmail(t, db, "ann@x.org"); now.Status != subscriber.Active || !slices.Equal(now.Topics, []string{"go"}) || now.ConsentSource != "double opt-in" || len(links.prefer) != 1 {
		t.Errorf("confirmed, and asked again: %+v", now)
	}
	if err := s.Leave(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Stale {
		t.Errorf("an old link after leaving: %v", got)
	}
	signUp(t, s, "ann@x.org", "art")
	if now := byEmail(t, db, "ann@x.org"); now.Status != subscriber.Unsubscribed || letters(t, db) != "1 system/confirm_subscription, 1 system/preference_link, 1 system/resubscribe" {
		t.Errorf("by being asked to come back: %+v, %s", now, letters(t, db))
	}
	if got := confirm(t, s, ann.ID, links.requests[1]); got != consent.Now {
		t.Errorf("come back: %v", got)
	}
	if now := byEmail(t, db, "ann@x.org"); now.Status != subscriber.Active || !slices.Equal(now.Topics, []string{"art"}) {
		t.Errorf("come back: %+v", now)
	}
	var events []string
	for _, line := range history(t, db, ann.UID) {
		events = append(events, strings.TrimSuffix(line, " ann@x.org"))
	}
	want := []string{"requested by subscriber via form: pending [go]", "confirmed by subscriber via page: active [go]",
		"withdrawn by system via page: unsubscribed [go]", "requested by subscriber via form: unsubscribed [art]", "confirmed by subscriber via page: active [art]"}
	if !slices.Equal(events, want) {
		t.Errorf("the record says %q", events)
	}
	list, err := db.ConsentHistory(t.Context(), ann.UID, 0, 10)
	if err != nil || list[1].Detail.IP != "192.0.2.7" || list[1].Text.Body != "Ja." || list[4].Text.Body != "Ja." {
		t.Errorf("%+v, %v", list, err)
	}
	const noted = `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE entity = 'subscriber' AND entity_uid = $1`
	if got := value[string](t, db, noted, ann.UID); got != "subscriber.create subscriber.confirm subscriber.unsubscribe subscriber.ask subscriber.confirm" {
		t.Errorf("the audit log has %s", got)
	}
}

// TestAskedOftenEnough: nobody fills a stranger's mailbox, and a link of one is none for another.
func TestAskedOftenEnough(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	for range consent.MaxRequests + 3 {
		signUp(t, s, "ann@x.org", "go")
	}
	signUp(t, s, "bob@x.org")
	if len(links.requests) != consent.MaxRequests+1 || letters(t, db) != fmt.Sprintf("%d system/confirm_subscription", consent.MaxRequests+1) {
		t.Errorf("%d links, letters: %s", len(links.requests), letters(t, db))
	}
	ann, bob := byEmail(t, db, "ann@x.org"), byEmail(t, db, "bob@x.org")
	if got := confirm(t, s, bob.ID, links.requests[0]); got != consent.Stale {
		t.Errorf("another's link: %v", got)
	}
	if _, err := s.Request(t.Context(), bob.ID, links.requests[0]); !fault.Is(err, fault.NotFound) {
		t.Errorf("another's request: %v", err)
	}
	if err := s.Ask(t.Context(), ann.UID); fault.CodeOf(err) != "asked_enough" {
		t.Errorf("asked by a client: %v", err)
	}
	for range 3 {
		if err := s.MailPreferences(t.Context(), "ann@x.org"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MailPreferences(t.Context(), "nobody@x.org"); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM publication WHERE title = 'system/preference_link'`); n < 1 || n > 2 { // the hour may turn
		t.Errorf("%d letters with a link", n)
	}
	asOwner(t, db, `UPDATE consent SET at = at - interval '1 day'`)
	if err := s.Ask(t.Context(), ann.UID); err != nil || len(links.requests) != consent.MaxRequests+2 {
		t.Errorf("a day later: %d links, %v", len(links.requests), err)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Now { // the first works, though others were sent
		t.Errorf("the first link: %v", got)
	}
	if err := s.Ask(t.Context(), ann.UID); fault.CodeOf(err) != "already_active" {
		t.Errorf("who is active is asked: %v", err)
	}
	if err := s.Ask(t.Context(), ident.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody is asked: %v", err)
	}
}

// TestLinksAreMailedOftenEnough: an hour later there is another letter, but only a few within a day, whichever form is filled in.
func TestLinksAreMailedOftenEnough(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	ann := createReader(t, db, subscriber.Input{Email: "ann@x.org"})
	ctx := audit.WithActor(t.Context(), "subscriber")
	for i := range consent.MaxRequests + 3 { // hours
		if i%2 == 0 {
			signUp(t, s, "ann@x.org")
		} else if err := s.MailPreferences(ctx, "ann@x.org"); err != nil {
			t.Fatal(err)
		}
		keys := preferenceKeys(ann.ID, time.Now())
		exec(t, db, `UPDATE idempotency SET key = $2 WHERE key = $1`, keys[0], keys[i+1])
	}
	if want := fmt.Sprintf("%d system/preference_link", consent.MaxRequests); letters(t, db) != want || len(links.prefer) != consent.MaxRequests {
		t.Errorf("%d links, letters: %s", len(links.prefer), letters(t, db))
	}
	exec(t, db, `UPDATE idempotency SET key = $1 WHERE key = (SELECT min(key) FROM idempotency WHERE key LIKE 'preferences:%')`,
		preferenceKeys(ann.ID, time.Now().Add(-consent.RequestTime))[0])
	if err := s.MailPreferences(ctx, "ann@x.org"); err != nil || len(links.prefer) != consent.MaxRequests+1 {
		t.Errorf("a day after the first: %d links, %v", len(links.prefer), err)
	}
}

// TestTwoSignUpsAtOnce: who presses the button twice, or whom a client stores at that moment, sees no error.
func TestTwoSignUpsAtOnce(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	tx := begin(t, db)
	one := newReader(t, subscriber.Input{Email: "ann@x.org", Status: "pending"})
	one.UID = ident.New()
	if err := createSubscriber(t.Context(), tx, &one); err != nil {
		t.Fatal(err)
	}
	up, err := subscriber.NewSignUp("ann@x.org", "Ann", "de", []string{"go"})
	if err != nil {
		t.Fatal(err)
	}
	whileWaiting(t, db, tx, func(ctx context.Context) error { return s.SignUp(ctx, up) })
	if ann := byEmail(t, db, "ann@x.org"); ann.UID != one.UID || ann.Status != subscriber.Pending || len(links.requests) != 1 {
		t.Errorf("%+v was asked by %d letters", ann, len(links.requests))
	}
}

// TestTopicsThatOneHasAreShown: however many others there are, and whatever they are called. What is not shown would be lost with
// the form.
func TestTopicsThatOneHasAreShown(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	exec(t, db, `INSERT INTO topic (uid, slug, name, public) SELECT gen_random_uuid(), 'a' || n, 'A ' || n, true FROM generate_series(1, $1) n`, maxPublicTopics)
	for _, topic := range []subscriber.Topic{{Slug: "open", Name: "Z open", Public: true}, {Slug: "inside", Name: "Z inside"}} {
		if _, err := db.CreateTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.PublicTopics(t.Context(), []string{"inside", "open"})
	if err != nil || len(list) != maxPublicTopics {
		t.Fatalf("%d topics, %v", len(list), err)
	}
	if got := list[len(list)-2].Slug + " " + list[len(list)-1].Slug; got != "inside open" || list[0].Name > list[1].Name {
		t.Errorf("at the end are %s", got)
	}
}

// TestNoSenderIsNoAnswer: while there is nobody whom a letter could be from, everybody who asks is told the same, and nothing is
// noted: who got no letter would be known to read.
func TestNoSenderIsNoAnswer(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	createReader(t, db, subscriber.Input{Email: "ann@x.org"})
	createReader(t, db, subscriber.Input{Email: "bob@x.org", Status: "unsubscribed"})
	asked := createReader(t, db, subscriber.Input{Email: "cid@x.org", Status: "pending"})
	for range consent.MaxRequests - 1 { // to store them was the first
		if err := s.Ask(t.Context(), asked.UID); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, `DELETE FROM message; DELETE FROM delivery; DELETE FROM batch; DELETE FROM idempotency; DELETE FROM publication; DELETE FROM sender_identity`)
	for _, email := range []string{"ann@x.org", "bob@x.org", "cid@x.org", "nobody@x.org"} {
		up, err := subscriber.NewSignUp(email, "", "de", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SignUp(t.Context(), up); fault.CodeOf(err) != "no_default_sender" {
			t.Errorf("%s signs up: %v", email, err)
		}
		if err := s.MailPreferences(t.Context(), email); fault.CodeOf(err) != "no_default_sender" {
			t.Errorf("%s asks for their preferences: %v", email, err)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM subscriber`); n != 3 {
		t.Errorf("%d subscribers", n)
	}
}

// TestErasedIsVoid: a link works no more when its reader was forgotten, and who comes anew is another.
func TestErasedIsVoid(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	signUp(t, s, "ann@x.org", "go")
	ann := byEmail(t, db, "ann@x.org")
	if err := db.DeleteSubscriber(t.Context(), ann.UID, func(subscriber.Subscriber) error { return nil }); err != nil {
		t.Fatal(err)
	}
	signUp(t, s, "ann@x.org", "art")
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Stale {
		t.Errorf("the link of who was forgotten: %v", got)
	}
	if _, err := s.Reader(t.Context(), ann.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("who was forgotten: %v", err)
	}
	if again := byEmail(t, db, "ann@x.org"); again.UID == ann.UID || again.Status != subscriber.Pending {
		t.Errorf("%+v", again)
	}
}

// TestComplaintVoidsRequests: who complains about the letter that asks has not subscribed by it.
func TestComplaintVoidsRequests(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	signUp(t, s, "ann@x.org", "go")
	if _, _, err := db.Suppress(t.Context(), "ann@x.org", byHand()); err != nil {
		t.Fatal(err)
	}
	if got := confirm(t, s, byEmail(t, db, "ann@x.org").ID, links.requests[0]); got != consent.Stale {
		t.Errorf("confirmed after a complaint: %v", got)
	}
}

// TestAnotherAddressVoidsRequests: who reads mail at the address that was asked cannot say anything for the one that took its place,
// whichever of the two letters it is.
func TestAnotherAddressVoidsRequests(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	move := func(from, to string) {
		t.Helper()
		if _, err := db.UpdateSubscriber(t.Context(), byEmail(t, db, from).UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
			return s.Change(subscriber.Input{Email: to, Topics: s.Topics})
		}); err != nil {
			t.Fatal(err)
		}
	}
	signUp(t, s, "ann@x.org", "go")
	ann := byEmail(t, db, "ann@x.org")
	move("ann@x.org", "other@x.org")
	if r, err := s.Request(t.Context(), ann.ID, links.requests[0]); err != nil || !r.Void {
		t.Errorf("the request is %+v, %v", r, err)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Stale || byEmail(t, db, "other@x.org").Status != subscriber.Pending {
		t.Errorf("one address confirmed another: %v", got)
	}
	if err := s.Ask(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	if got := confirm(t, s, ann.ID, links.requests[1]); got != consent.Now {
		t.Errorf("confirmed by the address itself: %v", got)
	}
	if err := s.Leave(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	if err := s.Ask(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	move("other@x.org", "ann@x.org")
	if got := confirm(t, s, ann.ID, links.requests[2]); got != consent.Stale || byEmail(t, db, "ann@x.org").Status != subscriber.Unsubscribed {
		t.Errorf("who had unsubscribed came back by another address: %v", got)
	}
}

// TestWithdrawnWhileConfirming: who leaves at the very moment at which somebody follows the link has left.
func TestWithdrawnWhileConfirming(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	signUp(t, s, "ann@x.org", "go")
	ann := byEmail(t, db, "ann@x.org")
	tx := begin(t, db)
	if err := consenting(t.Context(), tx, consent.Page); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `UPDATE subscriber SET status = 'unsubscribed', version = version + 1 WHERE id = $1`, ann.ID); err != nil {
		t.Fatal(err)
	}
	outcome := consent.Now
	whileWaiting(t, db, tx, func(ctx context.Context) (err error) {
		outcome, err = s.Confirm(ctx, ann.ID, links.requests[0])
		return err
	})
	if now := byEmail(t, db, "ann@x.org"); outcome != consent.Stale || now.Status != subscriber.Unsubscribed {
		t.Errorf("%v, %+v", outcome, now)
	}
}

// TestLinksExpire: that of a confirmation in a week, that to preferences in a day; and a letter is not sent any more when its link would
// not work.
func TestLinksExpire(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	createReader(t, db, subscriber.Input{Email: "bob@x.org"})
	before := time.Now()
	signUp(t, s, "ann@x.org")
	if err := s.MailPreferences(t.Context(), "bob@x.org"); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	for i, life := range []time.Duration{consent.ConfirmTime, consent.PreferTime} {
		if until := links.until[i]; until.Before(before.Add(life)) || until.After(after.Add(life)) {
			t.Errorf("link %d works until %s", i, until)
		}
		expires := value[*time.Time](t, db, `SELECT expires_at FROM message ORDER BY publication_id OFFSET $1 LIMIT 1`, i)
		if expires == nil || expires.Sub(links.until[i]).Abs() > time.Microsecond {
			t.Errorf("letter %d is sent until %v, and its link works until %s", i, expires, links.until[i])
		}
	}
}

// TestLeavingIsSeenAtOnce: what was held back for who leaves is looked at now, and not when it would have been due.
func TestLeavingIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	for _, email := range []string{"ann@x.org", "bob@x.org"} {
		createReader(t, db, subscriber.Input{Email: email})
	}
	exec(t, db, `INSERT INTO held (publication_id, channel_id, recipient_id, reason, due) SELECT 1, 1, id, 21, now() + interval '1 hour' FROM subscriber`)
	if err := s.Leave(t.Context(), byEmail(t, db, "ann@x.org").UID); err != nil {
		t.Fatal(err)
	}
	if got := value[string](t, db, `SELECT string_agg(s.email, ' ') FROM held h JOIN subscriber s ON s.id = h.recipient_id WHERE h.due <= now()`); got != "ann@x.org" {
		t.Errorf("looked at are those of %s", got)
	}
}

// TestOnlyRequestsAreConfirmed: another entry of the same reader's record is none.
func TestOnlyRequestsAreConfirmed(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	signUp(t, s, "ann@x.org", "go")
	ann := byEmail(t, db, "ann@x.org")
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Now {
		t.Fatal(got)
	}
	confirmed := value[int64](t, db, `SELECT id FROM consent WHERE event = 'confirmed'`)
	if _, err := s.Request(t.Context(), ann.ID, confirmed); !fault.Is(err, fault.NotFound) {
		t.Errorf("a confirmation is a request: %v", err)
	}
	if got := confirm(t, s, ann.ID, confirmed); got != consent.Stale {
		t.Errorf("a confirmation was confirmed: %v", got)
	}
}

// TestAskedBeforeTheRecordBegan: what somebody had agreed to before is kept when they are asked, and not only when they change.
func TestAskedBeforeTheRecordBegan(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	ann := createReader(t, db, subscriber.Input{Email: "ann@x.org", Topics: []string{"go"}, ConsentSource: "old form"})
	if err := s.Leave(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	asOwner(t, db, `DELETE FROM consent`)
	if err := s.Ask(t.Context(), ann.UID); err != nil {
		t.Fatal(err)
	}
	if got := confirm(t, s, ann.ID, links.requests[0]); got != consent.Now {
		t.Fatal(got)
	}
	wantHistory(t, db, ann.UID, "carried by system via system: unsubscribed [go] ann@x.org", "requested by system via api: unsubscribed [go] ann@x.org",
		"confirmed by subscriber via page: active [go] ann@x.org")
	list, err := db.ConsentHistory(t.Context(), ann.UID, 0, 10)
	if err != nil || len(list) != 3 || list[2].Detail.Stated != "old form" || list[2].Detail.Since == nil || !list[2].Detail.Since.Equal(*ann.ConsentAt) {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestChangedPreferences are seen by who sends, if less is wanted, and are in the record, if they are about consent.
func TestChangedPreferences(t *testing.T) {
	t.Parallel()
	db, s, _ := openHouse(t)
	one := createReader(t, db, subscriber.Input{Email: "ann@x.org", Topics: []string{"go", "art"}})
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	base := subscriber.PreferencesInput{Topics: []string{"art", "go"}}
	for _, c := range []struct {
		name    string
		change  func(*subscriber.PreferencesInput)
		tighter bool
		noted   bool
	}{
		{"nothing", func(*subscriber.PreferencesInput) {}, false, false},
		{"daily", func(p *subscriber.PreferencesInput) { p.Frequency = "daily" }, true, false},
		{"paused as well", func(p *subscriber.PreferencesInput) { p.Frequency, p.PausedUntil = "daily", &until }, true, false},
		{"each, still paused", func(p *subscriber.PreferencesInput) { p.PausedUntil = &until }, false, false},
		{"without a channel", func(p *subscriber.PreferencesInput) { p.ChannelsOff = []int16{2} }, true, true},
		{"quiet", func(p *subscriber.PreferencesInput) {
			p.ChannelsOff, p.QuietFrom, p.QuietTo = []int16{2}, "22:00", "06:00"
		}, true, false},
		{"quiet elsewhere", func(p *subscriber.PreferencesInput) {
			p.ChannelsOff, p.QuietFrom, p.QuietTo, p.Timezone = []int16{2}, "22:00", "06:00", "Asia/Tokyo"
		}, true, false},
		{"all as before", func(*subscriber.PreferencesInput) {}, false, true},
		{"one topic", func(p *subscriber.PreferencesInput) { p.Topics = []string{"go"} }, true, true},
		{"both again", func(*subscriber.PreferencesInput) {}, false, true},
	} {
		exec(t, db, `UPDATE subscriber SET revoked_at = NULL`)
		entries := len(history(t, db, one.UID))
		in := base
		c.change(&in)
		after, err := s.ChangePreferences(t.Context(), one.UID, func(p subscriber.Preferences) (subscriber.PreferencesChange, error) {
			return p.Change(in, time.Now())
		})
		if err != nil {
			t.Fatal(err)
		}
		if read, err := s.Preferences(t.Context(), consent.Reader{UID: one.UID, Version: after.Version}); err != nil || read.Version != after.Version || len(subscriber.PreferencesChange{Before: read, After: after}.Fields()) > 0 {
			t.Errorf("%s: read %+v, %v; want %+v", c.name, read, err, after)
		}
		revoked := value[bool](t, db, `SELECT revoked_at IS NOT NULL FROM subscriber`)
		if more := len(history(t, db, one.UID)) - entries; revoked != c.tighter || (more == 1) != c.noted {
			t.Errorf("%s: revoked %v, %d entries", c.name, revoked, more)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'subscriber.preferences'`); n != 9 {
		t.Errorf("%d lines in the audit log", n)
	}
}

// TestUnconfirmedAreForgotten: who signed up by the form and did not confirm within a week; not who was asked again since, whom a
// client stored, or who was active once.
func TestUnconfirmedAreForgotten(t *testing.T) {
	t.Parallel()
	db, s, links := openHouse(t)
	for _, email := range []string{"late@x.org", "asked@x.org", "back@x.org", "new@x.org"} {
		signUp(t, s, email, "go")
	}
	late := byEmail(t, db, "late@x.org")
	createReader(t, db, subscriber.Input{Email: "client@x.org", Status: "pending", ConsentSource: "form"})
	signUp(t, s, "client@x.org", "art") // whoever that is: it does not make their record one of the form
	if got := confirm(t, s, byEmail(t, db, "back@x.org").ID, links.requests[2]); got != consent.Now {
		t.Fatal(got)
	}
	back := byEmail(t, db, "back@x.org")
	if _, err := db.UpdateSubscriber(t.Context(), back.UID, func(s subscriber.Subscriber) (subscriber.Change, error) {
		return s.Change(subscriber.Input{Email: s.Email, Status: "pending"})
	}); err != nil {
		t.Fatal(err)
	}
	asOwner(t, db, `UPDATE subscriber SET created_at = created_at - interval '8 days' WHERE email NOT LIKE 'new@%';
		UPDATE consent SET at = at - interval '8 days' WHERE detail NOT LIKE '%new@%'`)
	signUp(t, s, "asked@x.org", "art")
	for range 2 {
		if err := db.Maintain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := value[string](t, db, `SELECT string_agg(email, ' ' ORDER BY email) FROM subscriber WHERE email LIKE '%@x.org'`); got != "asked@x.org back@x.org client@x.org new@x.org" {
		t.Errorf("left are %s", got)
	}
	wantHistory(t, db, late.UID, "requested by subscriber via form: pending [go]", "expired by system via system: unsubscribed []")
	if got := confirm(t, s, late.ID, links.requests[0]); got != consent.Stale {
		t.Errorf("the link of who was forgotten: %v", got)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'subscriber.expire'`); n != 1 {
		t.Errorf("%d lines in the audit log", n)
	}
}
