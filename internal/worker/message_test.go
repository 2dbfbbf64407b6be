package worker

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/token"
)

// sendAll handles every task that waits; what recipients fail of is in the ledger.
func (o *office) sendAll(t *testing.T) {
	t.Helper()
	for _, task := range o.nudges() {
		if err := o.handle(task); err != nil && fault.CodeOf(err) != codeFailed {
			t.Fatal(err)
		}
	}
}

// TestLetterIsMailed by the engine that mails everything else: of no list, and without anything that reports.
func TestLetterIsMailed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.outlet(channel.Email, "mail")
	o.house()
	until := time.Now().Add(time.Hour)
	uid, err := o.db.SendLetter(t.Context(), letter.Letter{Kind: letter.ConfirmSubscription, Email: "ada@reader.example", Name: "Ada Lovelace",
		Language: "de", Data: map[string]any{letter.Link: "https://house.example/p/confirm/abc"}, ExpiresAt: &until})
	if err != nil {
		t.Fatal(err)
	}
	o.sendAll(t)
	sent := o.sender.sent()
	if len(sent) != 1 {
		t.Fatalf("%d mails", len(sent))
	}
	m := sent[0].Mail
	if m.To != (channel.Address{Name: "Ada Lovelace", Email: "ada@reader.example"}) || m.From.Email != "post@house.example" ||
		m.ReplyTo != "desk@house.example" || m.Subject != "Bitte bestätigen Sie Ihre Anmeldung bei The House" {
		t.Errorf("%+v", m)
	}
	if m.ListID != "" || m.Unsubscribe != "" || !m.Automatic || !strings.HasPrefix(m.MessageID, uid.String()+".email.") {
		t.Errorf("%+v", m)
	}
	body := m.HTML.String() + m.Text.String()
	if strings.Contains(body, "/t/o/") || strings.Contains(body, "/t/c/") || strings.Contains(body, "/p/u/") ||
		strings.Count(body, "https://house.example/p/confirm/abc") != 4 || !strings.Contains(body, "Hallo,") {
		t.Errorf("%s", body)
	}
	if state := value[string](o, `SELECT state FROM publication WHERE uid = $1`, uid); state != "completed" {
		t.Errorf("it is %s", state)
	}
}

// TestLetterWithoutText is a dead letter, not an endless trial: its row went between the reading of who is owed and the writing.
func TestLetterWithoutText(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.outlet(channel.Email, "mail")
	o.house()
	if _, err := o.db.SendLetter(t.Context(), letter.Letter{Kind: letter.PreferenceLink, Email: "ada@reader.example",
		Data: map[string]any{letter.Link: "https://house.example/p/preferences/abc"}}); err != nil {
		t.Fatal(err)
	}
	o.exec(`UPDATE message SET letter = 'invoice'`)
	o.sendAll(t)
	if state := value[string](o, `SELECT state FROM publication`); state != "completed_with_failures" || len(o.sender.sent()) != 0 {
		t.Errorf("it is %s", state)
	}
}

// TestTrackedMessage reports openings and clicks, by links that are signed for its recipient, and can still not be unsubscribed
// from: there is nothing that its reader subscribed to.
func TestTrackedMessage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.outlet(channel.Email, "mail")
	o.house()
	set, err := o.db.CreateTemplate(t.Context(), template.Set{Name: "receipt", Channel: "email", Languages: map[string]template.Source{
		"en": {Subject: "Order {{ data.order }}", HTML: `<p>Thanks, {{ subscriber.first_name }}: <a href="https://shop.example/">shop</a></p>`}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.db.ResolveMessage(t.Context(), publication.MessageOrder{To: publication.Addressee{Email: "ada@reader.example", Name: "Ada Lovelace"},
		Template: set.UID, Data: map[string]any{"order": 7}, Encoded: `{"order": 7}`, Tracked: true})
	if err != nil {
		t.Fatal(err)
	}
	acceptor := postgres.NewAcceptor(o.db, nil)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { acceptor.Run(ctx) })
	accepted, err := acceptor.Accept(t.Context(), s)
	stop()
	running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	o.sendAll(t)
	m := o.mailTo("ada@reader.example")
	id := value[int64](o, `SELECT id FROM publication WHERE uid = $1`, accepted.UID)
	signed := o.signer.Sign(token.Recipient{Publication: id, Channel: channel.Email.ID(), Recipient: publication.StrangerID(id)})
	for _, want := range []string{publicURL + "/t/c/" + signed + "/0", publicURL + "/t/o/" + signed + ".gif", "Thanks, Ada:"} {
		if !strings.Contains(m.HTML.String(), want) {
			t.Errorf("%s is missing in %s", want, m.HTML)
		}
	}
	if m.Subject != "Order 7" || m.Unsubscribe != "" || strings.Contains(m.HTML.String(), "/p/u/") || !strings.Contains(m.Text.String(), "Thanks, Ada:") {
		t.Errorf("%+v", m)
	}
	if url := value[string](o, `SELECT url FROM link WHERE publication_id = $1 AND n = 0`, id); url != "https://shop.example/" {
		t.Errorf("the link leads to %s", url)
	}
}
