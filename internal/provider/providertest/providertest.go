// Package providertest is the suite that every channel adapter passes, against the sandbox's servers on
// real sockets: what channel.Sender promises, seen from the receiver's side.
package providertest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/sandbox"
)

// Harness is an adapter under test.
type Harness struct {
	// Provider must be able to reach loopback addresses.
	Provider channel.Provider
	// Faults is the name of the sandbox's provider that faults are injected into.
	Faults string
	// Channel configures the adapter for a sandbox.
	Channel func(s *sandbox.Sandbox) channel.Channel
	// MaxWait is the longest wait that may be asked for when one mail in two seconds is allowed.
	MaxWait time.Duration
	// Pretends: it accepts as a provider does and reaches nobody. What only a receiver could answer is left out.
	Pretends bool
}

// Run runs the whole suite, in parallel.
func Run(t *testing.T, h Harness) {
	cases := map[string]func(*testing.T, Harness){
		"accepted":      accepted,
		"configuration": configuration,
		"empty message": emptyMessage,
		"cancelled":     cancelled,
		"concurrent":    concurrent,
		"verified":      verified,
		"closed":        closed,
	}
	if !h.Pretends {
		maps.Copy(cases, answered())
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// answered are the cases that need a receiver who answers.
func answered() map[string]func(*testing.T, Harness) {
	return map[string]func(*testing.T, Harness){
		"throttled":      throttled,
		"permanent":      permanent,
		"transient":      transient,
		"unavailable":    unavailable,
		"hang up":        hangUp,
		"refused":        refused,
		"no answer":      noAnswer,
		"cut short":      cutShort,
		"files":          files,
		"after recovery": afterRecovery,
	}
}

// Message is a message of the kind, as the pipeline makes them.
func Message(kind channel.Kind, recipient int64) *channel.Message {
	m := &channel.Message{ID: channel.Identity{
		Publication: "018f3a00-0000-7000-8000-000000000001", Kind: kind, Recipient: recipient,
	}}
	if kind.Personal() {
		m.Mail = &channel.Mail{
			From:    channel.Address{Name: "The Daily", Email: "news@sender.example"},
			To:      channel.Address{Name: "Ünal 🎉", Email: fmt.Sprintf("reader%d@recipient.example", recipient)},
			ReplyTo: "desk@sender.example", Subject: "Zwölf Dinge", ListID: "daily.sender.example",
			HTML: quoted.Plain("<p>Hello</p>\n.\n..dots"), Text: quoted.Plain("Hello\n.\n..dots"),
			Unsubscribe: "https://sender.example/u/1", MessageID: fmt.Sprintf("%d.018f3a00@sender.example", recipient),
		}
		return m
	}
	m.Post = &channel.Post{
		Title: "Zwölf Dinge", Text: "All of it, in plain text", URL: "https://sender.example/p/1", Type: "digest",
		PublishedAt: "2026-03-01T12:00:00Z", Data: map[string]any{"issue": 7},
		Items: []channel.PostItem{
			{ID: "1", Title: "One & <two>", Summary: "A *summary* of it", URL: "https://sender.example/1", Topics: []string{"go"}},
			{ID: "2", Title: "Two", Text: "The second"},
		},
	}
	return m
}

// rig is a sandbox and a sender that talks to it.
type rig struct {
	*testing.T
	harness Harness
	sandbox *sandbox.Sandbox
	channel channel.Channel
	sender  channel.Sender
	kind    channel.Kind
}

func newRig(t *testing.T, h Harness, faults ...sandbox.Fault) *rig {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{T: t, harness: h, sandbox: s, channel: h.Channel(s), kind: h.Provider.Kinds[0]}
	if !h.Pretends {
		r.inject(faults...)
	}
	r.sender, err = h.Provider.Open(t.Context(), r.channel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.sender.Close() })
	return r
}

func (r *rig) inject(faults ...sandbox.Fault) {
	r.Helper()
	if err := r.sandbox.Inject(r.harness.Faults, faults...); err != nil {
		r.Fatal(err)
	}
}

// send makes one attempt. Whatever the error, it must name nothing private.
func (r *rig) send(ctx context.Context, m *channel.Message) error {
	r.Helper()
	err := r.sender.Send(ctx, m)
	if err == nil {
		return nil
	}
	r.keepsSecrets(err)
	if m.Mail != nil && strings.Contains(err.Error(), m.Mail.To.Email) {
		r.Errorf("the error %q names %q", err, m.Mail.To.Email)
	}
	return err
}

// keepsSecrets sees that an error names neither an address nor a secret.
func (r *rig) keepsSecrets(err error) {
	r.Helper()
	private := []string{"@", "://"}
	for _, value := range r.channel.Secrets {
		private = append(private, value)
	}
	for _, text := range private {
		if strings.Contains(err.Error(), text) {
			r.Errorf("the error %q names %q", err, text)
		}
	}
}

// expect makes one attempt that must end as said, after at most one request.
func (r *rig) expect(ctx context.Context, recipient int64, want fault.Kind) error {
	r.Helper()
	before := r.sandbox.Counts().Total().Requests
	err := r.send(ctx, Message(r.kind, recipient))
	if !fault.Is(err, want) {
		r.Errorf("recipient %d: %v is %v, not %v", recipient, err, fault.KindOf(err), want)
	}
	if after := r.sandbox.Counts().Total().Requests; after > before+1 {
		r.Errorf("recipient %d: %d requests for one attempt", recipient, after-before)
	}
	return err
}

func (r *rig) deliver(recipient int64) {
	r.Helper()
	if err := r.send(r.Context(), Message(r.kind, recipient)); err != nil {
		r.Errorf("recipient %d: %v", recipient, err)
	}
}

// received checks how often the receiver got the message of a recipient.
func (r *rig) received(recipient int64, want int) {
	r.Helper()
	if r.harness.Pretends {
		want = 0
	}
	id := Message(r.kind, recipient).ID.String()
	if got := r.sandbox.Received(id); got != want {
		r.Errorf("%s arrived %d times, not %d", id, got, want)
	}
}

// counted checks how many messages the receiver got, each with one request and none twice.
func (r *rig) counted(want int64) {
	r.Helper()
	if r.harness.Pretends {
		want = 0
	}
	if n := r.sandbox.Counts().Total(); n.Received != want || n.Requests != want || n.Doubled != 0 || n.Invalid != 0 {
		r.Errorf("the receiver counted %+v, not %d", n, want)
	}
}

// each runs do for the numbers from 1 to n at once.
func each(n int64, do func(int64)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i + 1) })
	}
	all.Wait()
}
