package subscriber_test

import (
	"slices"
	"testing"
	"time"

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
		"source kept":        {from: subscriber.Input{ConsentSource: "form"}, fields: []string{}},
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

// TestComingBackNeedsTheReader: whoever says where a new consent comes from, only the reader can come back.
func TestComingBackNeedsTheReader(t *testing.T) {
	t.Parallel()
	at := time.Now()
	gone := existing(t, subscriber.Input{Status: "unsubscribed", ConsentSource: "old"})
	waiting := existing(t, subscriber.Input{Status: "pending"})
	waiting.ConsentAt = &at // once active
	for _, c := range []struct {
		from   subscriber.Subscriber
		status string
		source string
		may    bool
	}{
		{gone, "active", "", false}, {gone, "active", "new form", false}, {gone, "pending", "", false}, {gone, "pending", "new form", false},
		{waiting, "active", "new form", false}, {waiting, "pending", "", true}, {waiting, "unsubscribed", "", true}, {gone, "", "", true},
		{existing(t, subscriber.Input{Status: "pending"}), "active", "fair", true},
	} {
		_, err := c.from.Change(subscriber.Input{Email: "a@x.org", Status: c.status, ConsentSource: c.source})
		if refused := fault.CodeOf(err) == "confirmation_required" && fault.Is(err, fault.Conflict); refused == c.may || c.may && err != nil {
			t.Errorf("from %s to %q by %q: %v", c.from.Status, c.status, c.source, err)
		}
	}
	if _, err := gone.Change(subscriber.Input{Email: "no"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
