package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// settings of the house for messages: a template with a link, in two languages.
func (h *house) receipt() {
	h.t.Helper()
	source := func(thanks string) map[string]string {
		return map[string]string{"subject": thanks + " {{ data.order }}", "html": `<p>` + thanks + `, {{ subscriber.name }}: <a href="https://shop.example/">{{ data.total }}</a></p>`}
	}
	h.Call(h.t, http.MethodPost, "/templates", map[string]any{"name": "receipt", "channel": "email",
		"languages": map[string]any{"en": source("Thanks"), "de": source("Danke")}}, nil)
}

// message sends one and returns its id.
func (h *house) message(to map[string]any, header ...string) string {
	h.t.Helper()
	var made api.AcceptedMessage
	h.Call(h.t, http.MethodPost, "/messages", map[string]any{"to": to, "template": "receipt", "data": map[string]any{"order": 7, "total": "12 €"}}, &made, header...)
	return made.ID
}

// awaitMessage waits until a message is in a state, and returns it.
func (h *house) awaitMessage(id string, state api.DeliveryState) api.MessageSeen {
	h.t.Helper()
	var m api.MessageSeen
	fixture.Until(h.t, patience, "a message that is "+string(state), func() (bool, string) {
		h.Call(h.t, http.MethodGet, "/messages/"+id, nil, &m)
		return m.Message.State == state, fmt.Sprintf("%s %v", m.Message.State, m.Delivery.Attempts)
	})
	return m
}

// TestMessages: whoever it is for gets it, in their language, of no list and without anything that reports; only the suppression
// list keeps it from them. It arrives once, however often it is asked for.
func TestMessages(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.receipt()
	left := fixture.People("left", 1)
	h.Subscribe(t, left)
	var leaver struct{ ID string }
	h.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": "never.confirmed@reader.example", "language": "de", "status": "pending"}, &leaver)
	if _, err := h.pool.Exec(t.Context(), `UPDATE subscriber SET status = 'unsubscribed' WHERE email = $1`, left[0].Email); err != nil {
		t.Fatal(err)
	}
	stranger := map[string]any{"email": "Stranger@Reader.example", "name": "A Stranger", "language": "de"}
	ids := map[string]string{
		"stranger@reader.example":        h.message(stranger, "Idempotency-Key", "once"),
		left[0].Email:                    h.message(map[string]any{"email": left[0].Email}),
		"never.confirmed@reader.example": h.message(map[string]any{"subscriber_id": leaver.ID}),
	}
	if again := h.message(stranger, "Idempotency-Key", "once"); again != ids["stranger@reader.example"] {
		t.Errorf("sent again as %s", again)
	}
	for address, id := range ids {
		m := h.awaitMessage(id, api.DeliveryStateSent)
		if len(m.Delivery.Attempts) != 1 || m.Message.AttemptsUsed != 1 {
			t.Errorf("%s: %+v", address, m)
		}
		h.wantOnce(id, "email", 1)
	}
	for _, m := range h.Sandbox.Messages(sandbox.ChannelEmail) {
		l := m.Read()
		thanks := "Thanks 7"
		if !strings.HasPrefix(m.To, "left") {
			thanks = "Danke 7"
		}
		if header(l, "Subject") != thanks || header(l, "List-Unsubscribe") != "" || header(l, "List-Id") != "" || header(l, "Auto-Submitted") != "auto-generated" || !strings.Contains(l.HTML, `href="https://shop.example/"`) ||
			!strings.Contains(l.Text, "12 €") || strings.Contains(l.HTML, "/t/") {
			t.Errorf("%s got %q\n%s\n%s", m.To, header(l, "Subject"), l.HTML, l.Text)
		}
	}
}

// TestMessageBounces: what the provider reports settles a message to an address that is no subscriber's, and keeps the next one
// from it.
func TestMessageBounces(t *testing.T) {
	t.Parallel()
	h := openWithSES(t, nil)
	h.receipt()
	h.report(sandbox.SESReports{Sends: true, SignatureVersion: "2"})
	stranger := map[string]any{"email": "bounce+1@simulator.amazonses.com"}
	first := h.message(stranger)
	h.awaitMessage(first, api.DeliveryStateBounced)
	if m := h.awaitMessage(h.message(stranger), api.DeliveryStateSuppressed); m.Message.Reason == nil || *m.Message.Reason != api.DeliveryReasonSuppressedBounce {
		t.Errorf("%+v", m.Message)
	}
	h.wantOnce(first, "email", 1)
}
