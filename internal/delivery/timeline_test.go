package delivery

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/fault"
)

// TestCauses: whatever used an attempt and was not accepted says why; a wait, which used none, and a success do not.
func TestCauses(t *testing.T) {
	t.Parallel()
	b := &Batch{Publication: 1, Channel: 1}
	for name, c := range map[string]struct {
		err  error
		want *Cause
	}{
		"accepted":    {nil, nil},
		"placeholder": {ErrPlaceholder, nil},
		"wait":        {fault.WaitFor(time.Second, "throttled", nil), nil},
		"transient":   {fault.Wrap(errors.New("452 ann@example.org is full"), fault.Retry, "full"), &Cause{"retry", "full", "full: 452 <address> is full"}},
		"refused":     {fault.New(fault.GiveUp, "no_mailbox", "No."), &Cause{"give_up", "no_mailbox", "no_mailbox: No."}},
		"ambiguous":   {fault.New(fault.Uncertain, "cut", "No answer."), &Cause{"uncertain", "cut", "cut: No answer."}},
		"unforeseen":  {errors.New("bug"), &Cause{"internal", "internal", "bug"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := verdict(b, &Recipient{ID: 7, Outlet: 3}, backoff.Transient, c.err)
			if (o.Cause == nil) != (c.want == nil) || o.Cause != nil && *o.Cause != *c.want || o.Outlet != 3 {
				t.Errorf("%+v, cause %+v", o, o.Cause)
			}
		})
	}
}

func TestStory(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		account Account
		want    []State // of what the story adds or leaves
	}{
		"owed":                     {Account{}, nil},
		"skipped":                  {Account{Entry: Entry{State: Skipped, SettledAt: &at}}, nil},
		"a plain success":          {Account{Entry: Entry{State: Sent, Used: 1, SettledAt: &at}}, []State{Sent}},
		"bounced later":            {Account{Entry: Entry{State: Bounced, Used: 1, SettledAt: &at}}, []State{Sent}},
		"failed before there were": {Account{Entry: Entry{State: Failed, Used: 4, SettledAt: &at}}, []State{Failed}},
		"found out by evidence": {Account{Entry: Entry{State: Delivered, Used: 1, SettledAt: &at},
			Attempts: []Attempt{{Number: 1, State: Uncertain}}}, []State{Uncertain}},
		"replayed": {Account{Entry: Entry{State: Sent, Used: 1, SettledAt: &at},
			Attempts: []Attempt{{Number: 1, State: Failed}, {By: "key:admin"}}}, []State{Failed, Pending, Sent}},
		"a second try": {Account{Entry: Entry{State: Pending, Used: 1}, Attempts: []Attempt{{Number: 1}}}, []State{Pending}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []State
			for _, a := range c.account.Story() {
				got = append(got, a.State)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestEveryStateAndReasonHasAName(t *testing.T) {
	t.Parallel()
	if len(States()) != int(Skipped)+1 || !slices.Contains(Reasons(), Placeholder) || slices.Contains(Reasons(), NoReason) {
		t.Errorf("%v, %v", States(), Reasons())
	}
	for _, r := range Reasons() {
		if r.String() == "" || r.String() == "unknown" {
			t.Errorf("reason %d is %q", r, r)
		}
	}
}
