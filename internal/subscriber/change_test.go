package subscriber_test

import (
	"slices"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/subscriber"
)

func existing(t *testing.T, in subscriber.Input) subscriber.Subscriber {
	t.Helper()
	in.Email = "a@x.org"
	s, err := subscriber.New(in)
	if err != nil {
		t.Fatal(err)
	}
	s.ID, s.Version = 7, 3
	return s
}

func TestChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to           subscriber.Input
		revoked, consented bool
		fields             []string
	}{
		"nothing":            {fields: []string{}},
		"name":               {to: subscriber.Input{Name: "B"}, fields: []string{"name"}},
		"topic added":        {to: subscriber.Input{Topics: []string{"a"}}, fields: []string{"topics"}},
		"topic removed":      {from: subscriber.Input{Topics: []string{"a", "b"}}, to: subscriber.Input{Topics: []string{"b", "c"}}, revoked: true, fields: []string{"topics"}},
		"unsubscribed":       {to: subscriber.Input{Status: "unsubscribed"}, revoked: true, fields: []string{"status"}},
		"back to pending":    {to: subscriber.Input{Status: "pending"}, revoked: true, fields: []string{"status"}},
		"confirmed":          {from: subscriber.Input{Status: "pending"}, to: subscriber.Input{Status: "active"}, consented: true, fields: []string{"status"}},
		"stays unsubscribed": {from: subscriber.Input{Status: "unsubscribed"}, to: subscriber.Input{Name: "B"}, fields: []string{"name"}},
		"new consent": {from: subscriber.Input{Status: "unsubscribed", ConsentSource: "old"},
			to: subscriber.Input{Status: "active", ConsentSource: "new form"}, consented: true, fields: []string{"consent_source", "status"}},
		"new consent to confirm": {from: subscriber.Input{Status: "unsubscribed", ConsentSource: "old"},
			to: subscriber.Input{Status: "pending", ConsentSource: "new form"}, fields: []string{"consent_source", "status"}},
		"source kept": {from: subscriber.Input{ConsentSource: "form"}, fields: []string{}},
	} {
		before := existing(t, c.from)
		c.to.Email = "a@x.org"
		got, err := before.Change(c.to)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Revoked != c.revoked || got.Consented != c.consented || !slices.Equal(got.Fields, c.fields) {
			t.Errorf("%s: got %+v", name, got)
		}
		if got.After.ID != 7 || got.After.Version != 3 {
			t.Errorf("%s: lost its identity: %+v", name, got.After)
		}
	}
}

func TestResubscribeNeedsConsent(t *testing.T) {
	t.Parallel()
	gone := existing(t, subscriber.Input{Status: "unsubscribed", ConsentSource: "old"})
	// Pending is no way round: from there anybody becomes active.
	for _, status := range []string{"active", "pending"} {
		_, err := gone.Change(subscriber.Input{Email: "a@x.org", Status: status})
		if fault.CodeOf(err) != "consent_required" || !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: got %v", status, err)
		}
	}
	if _, err := gone.Change(subscriber.Input{Email: "no"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
