package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

// ledger is a RecipientStore with what a test puts in it.
type ledger struct {
	RecipientStore
	find     delivery.Find
	found    delivery.Found
	timeline delivery.Timeline
	items    []content.Item
	accessed []string
}

func (l *ledger) Recipients(_ context.Context, _ ident.UID, f delivery.Find) (delivery.Found, error) {
	l.find = f
	return l.found, nil
}

func (l *ledger) Timeline(_ context.Context, _, recipient ident.UID) (delivery.Timeline, error) {
	if recipient != l.timeline.UID {
		return delivery.Timeline{}, fault.New(fault.NotFound, "not_found", "")
	}
	return l.timeline, nil
}

func (l *ledger) SubscriberByEmail(_ context.Context, email string) (ident.UID, error) {
	if email != "ann@example.org" {
		return ident.UID{}, fault.New(fault.NotFound, "not_found", "")
	}
	return l.timeline.UID, nil
}

func (l *ledger) PublicationContents(context.Context, ident.UID) ([]content.Item, error) {
	if l.items == nil {
		return nil, fault.New(fault.NotFound, "unknown_content", "")
	}
	return l.items, nil
}

func (l *ledger) RecordAccess(_ context.Context, verb string, uid ident.UID, _ int) error {
	l.accessed = append(l.accessed, verb+" "+uid.String())
	return nil
}

func serveLedger(t *testing.T, l *ledger) *api {
	t.Helper()
	return serve(t, nil, func(d *Deps) { d.Recipients = l })
}

func TestRecipientsList(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	reader := ident.New()
	l := &ledger{found: delivery.Found{LastChannel: 2, LastRecipient: 900, Entries: []delivery.Entry{
		{Channel: 1, Recipient: 7, UID: reader, State: delivery.Failed, Reason: delivery.Rejected, Used: 2, SettledAt: &at}, {Channel: 2, Recipient: 8}}}}
	a := serveLedger(t, l)
	got := a.do("GET", somePublication+"/recipients?limit=2&state=failed,pending&reason=rejected&channel=email", nil).want(http.StatusOK)
	if l.find.Limit != 3 || len(l.find.States) != 2 || l.find.Reasons[0] != delivery.Rejected || l.find.Channel != 1 {
		t.Errorf("asked for %+v", l.find)
	}
	want := `{"items":[{"recipient_id":"` + reader.String() + `","channel":"email","state":"failed","reason":"rejected","attempts_used":2,"settled_at":"2030-01-01T00:00:00Z","until":null},` +
		`{"recipient_id":null,"channel":"newsletter","state":"pending","reason":null,"attempts_used":0,"settled_at":null,"until":null}],"next":"`
	if !strings.HasPrefix(got.Body, want) {
		t.Errorf("got  %s\nwant %s", got.Body, want)
	}
	// The ledger was not looked through: the list goes on where the look ended. With one too many, after the last shown.
	a.do("GET", somePublication+"/recipients?cursor="+read[wire.RecipientPage](got).Next, nil).want(http.StatusOK)
	if l.find.AfterChannel != 2 || l.find.AfterRecipient != 900 {
		t.Errorf("goes on at %+v", l.find)
	}
	next := read[wire.RecipientPage](a.do("GET", somePublication+"/recipients?limit=1", nil)).Next
	a.do("GET", somePublication+"/recipients?cursor="+next, nil).want(http.StatusOK)
	if l.find.AfterChannel != 1 || l.find.AfterRecipient != 7 {
		t.Errorf("goes on at %+v", l.find)
	}
	l.found.Done = true
	if last := read[wire.RecipientPage](a.do("GET", somePublication+"/recipients", nil)); last.Next != "" {
		t.Error("the last page has a next")
	}
	for _, query := range []string{"state=lost", "reason=", "channel=fax", "email=ann@example.org", "cursor=x"} {
		a.do("GET", somePublication+"/recipients?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}

// firstItem is the id of a content item.
const firstItem = "01985a1e-7c00-7000-8000-0000000000b1"

func TestRecipientTimeline(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &ledger{
		items: []content.Item{{UID: firstItem, Version: 3, Title: "A", Topics: []string{"go"}, Language: "en"}, {UID: "01985a1e-7c00-7000-8000-0000000000b2", Version: 1, Title: "B", Language: "en"}},
		timeline: delivery.Timeline{UID: ident.New(), Personal: true, Reader: delivery.Reader{Language: "en", Topics: []string{"go"}, Kept: true},
			Deliveries: []delivery.Account{{
				Entry:  delivery.Entry{Channel: 1, Recipient: 7, State: delivery.Delivered, Used: 1, SettledAt: &at},
				Choice: []byte{0, 1},
				Attempts: []delivery.Attempt{
					{Number: 1, At: at.Add(-time.Hour), State: delivery.Uncertain, Reason: delivery.NoAnswer, Cause: delivery.Cause{Kind: "uncertain", Code: "cut"}},
					{At: at.Add(-time.Minute), By: "key:admin"},
				},
				Events: []delivery.Event{{Kind: 2, At: at, Link: 1, URL: "https://example.org"}, {Kind: 1, At: at, Link: -1}},
			}},
		},
	}
	a := serveLedger(t, l)
	path := somePublication + "/recipients/" + l.timeline.UID.String()
	body := read[wire.Timeline](a.do("GET", path, nil).want(http.StatusOK))
	d := body.Deliveries[0]
	if body.Kind != "subscriber" || body.NotARecipient != nil || d.State != "delivered" || d.Choice.Basis != "exact" ||
		len(d.Choice.Items) != 2 || *d.Choice.Items[0].ContentID != firstItem || strings.Join(d.Choice.Items[0].Reasons, " ") != "topic_match language_match" {
		t.Errorf("%+v", d.Choice)
	}
	if len(d.Attempts) != 3 || d.Attempts[0].Outcome != "uncertain" || d.Attempts[1].Outcome != "reopened" || d.Attempts[1].By != "key:admin" ||
		d.Attempts[2].Outcome != "sent" || !d.Attempts[2].At.Equal(at) {
		t.Errorf("%+v", d.Attempts)
	}
	if len(d.Events) != 2 || d.Events[0].Kind != "click" || d.Events[0].Link.URL != "https://example.org" || d.Events[1].Link != nil {
		t.Errorf("%+v", d.Events)
	}
	if other := read[wire.Timeline](a.do("GET", somePublication+"/recipients/lookup?email=Ann@Example.org", nil).want(http.StatusOK)); other.RecipientID != body.RecipientID {
		t.Errorf("by address %s", other.RecipientID)
	}
	if len(l.accessed) != 2 || l.accessed[0] != "timeline "+l.timeline.UID.String() {
		t.Errorf("noted %v", l.accessed)
	}
	l.items = nil
	if gone := read[wire.Timeline](a.do("GET", path, nil)).Deliveries[0].Choice; gone.Basis != "unknown" || gone.Items[1].Number != 2 || gone.Items[1].ContentID != nil {
		t.Errorf("of items that are gone %+v", gone)
	}
	l.timeline.Deliveries, l.timeline.Absence = nil, delivery.TooLate
	if got := a.do("GET", path, nil).Body; !strings.Contains(got, `"deliveries":[],"not_a_recipient":"too_late"`) {
		t.Errorf("absent: %s", got)
	}
	for _, path := range []string{"/recipients/" + ident.New().String(), "/recipients/ann@example.org", "/recipients/lookup?email=bob@example.org"} {
		a.do("GET", somePublication+path, nil).problem(http.StatusNotFound, "not_found")
	}
	a.do("GET", somePublication+"/recipients/lookup", nil).problem(http.StatusBadRequest, "invalid_query")
}
