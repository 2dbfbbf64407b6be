package providertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/sandbox"
)

// unhurried is a latency that no test waits out: closing the sandbox ends it.
const unhurried = time.Hour

func accepted(t *testing.T, h Harness) {
	r := newRig(t, h)
	for i, kind := range h.Provider.Kinds {
		r.kind = kind
		r.deliver(int64(i + 1))
		r.received(int64(i+1), 1)
	}
	r.counted(int64(len(h.Provider.Kinds)))
	if h.Pretends {
		return
	}
	m := r.sandbox.Messages(string(r.kind))
	if len(m) == 0 || m[0].Identity != Message(r.kind, int64(len(h.Provider.Kinds))).ID.String() {
		t.Fatalf("the receiver's record is %+v", m)
	}
	if letter := m[0].Read(); len(letter.Faults) > 0 {
		t.Errorf("the receiver could not read %v", letter.Faults)
	}
}

// configuration sees that what the harness configures is what the provider declares, and that without
// what is required nothing opens.
func configuration(t *testing.T, h Harness) {
	r := newRig(t, h)
	r.channel.Name, r.channel.Provider, r.channel.Kind = "test", h.Provider.Name, r.kind
	if err := channel.NewRegistry(nil, h.Provider).Check(r.channel); err != nil {
		t.Error(err)
	}
	for _, setting := range h.Provider.Settings {
		if setting.Doc == "" {
			t.Errorf("setting %s has no doc", setting.Name)
		}
		if !setting.Required {
			continue
		}
		broken := h.Channel(r.sandbox)
		delete(broken.Settings, setting.Name)
		delete(broken.Secrets, setting.Name)
		if _, err := h.Provider.Open(t.Context(), broken); err == nil {
			t.Errorf("opened without %s", setting.Name)
		}
	}
}

func emptyMessage(t *testing.T, h Harness) {
	r := newRig(t, h)
	if err := r.send(t.Context(), &channel.Message{ID: Message(r.kind, 1).ID}); !fault.Is(err, fault.GiveUp) {
		t.Errorf("a message with nothing in it: %v", err)
	}
	if n := r.sandbox.Counts().Total().Requests; n != 0 {
		t.Errorf("it was sent %d times", n)
	}
}

func throttled(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{RatePerSecond: 0.5, Burst: 1})
	r.deliver(1)
	err := r.expect(t.Context(), 2, fault.Wait)
	if after := waitOf(err); after <= 0 || after > h.MaxWait {
		t.Errorf("wait of %v, not up to %v", after, h.MaxWait)
	}
	r.received(2, 0)
}

func permanent(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	if err := r.expect(t.Context(), 1, fault.GiveUp); fault.CodeOf(err) == "" {
		t.Errorf("no code: %v", err)
	}
	r.received(1, 0)
}

func transient(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{ErrorRatio: 1, ErrorKind: sandbox.Transient})
	_ = r.expect(t.Context(), 1, fault.Retry)
	r.received(1, 0)
}

func unavailable(t *testing.T, h Harness) {
	r := newRig(t, h)
	r.deliver(1) // so that a connection is open
	r.inject(sandbox.Fault{Outage: sandbox.Unavailable})
	_ = r.expect(t.Context(), 2, fault.Retry)
	r.received(2, 0)
}

// hangUp closes connections without a word. An adapter that cannot tell says so; none may say "sent".
func hangUp(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{Outage: sandbox.HangUp})
	if err := r.send(t.Context(), Message(r.kind, 1)); !fault.Is(err, fault.Retry) && !fault.Is(err, fault.Uncertain) {
		t.Errorf("a connection that was closed: %v", err)
	}
	if n := r.sandbox.Counts().Total().Requests; n > 1 {
		t.Errorf("%d requests for one attempt", n)
	}
}

func refused(t *testing.T, h Harness) {
	r := newRig(t, h)
	if err := r.sandbox.Close(); err != nil {
		t.Fatal(err)
	}
	_ = r.expect(t.Context(), 1, fault.Retry)
}

// noAnswer is the one window in which a message may be doubled: it was taken, and nobody said so.
func noAnswer(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{DropRatio: 1})
	for recipient := range int64(5) {
		_ = r.expect(t.Context(), recipient, fault.Uncertain)
		r.received(recipient, 1)
	}
	r.inject()
	r.deliver(10)
	r.inject(sandbox.Fault{DropRatio: 1})
	_ = r.expect(t.Context(), 11, fault.Uncertain) // on a connection that was kept
	r.received(11, 1)
}

// cutShort ends the context while the provider takes its time. The second it is given is for the request
// to leave, not for anything to be measured.
func cutShort(t *testing.T, h Harness) {
	r := newRig(t, h, sandbox.Fault{Latency: unhurried})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = r.expect(ctx, 1, fault.Uncertain)
}

// cancelled contexts send nothing.
func cancelled(t *testing.T, h Harness) {
	r := newRig(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.expect(ctx, 1, fault.Retry)
	r.received(1, 0)
}

func concurrent(t *testing.T, h Harness) {
	const senders, rounds = 50, 4
	r := newRig(t, h)
	each(senders, func(i int64) {
		for round := range int64(rounds) {
			r.deliver(i*rounds + round)
		}
	})
	r.counted(senders * rounds)
}

// afterRecovery sees that no failure spoils a sender, or the connections it keeps.
func afterRecovery(t *testing.T, h Harness) {
	r := newRig(t, h)
	recipient := int64(0)
	for _, f := range []sandbox.Fault{
		{ErrorRatio: 1, ErrorKind: sandbox.Permanent}, {ErrorRatio: 1}, {Outage: sandbox.Unavailable},
		{Outage: sandbox.HangUp}, {DropRatio: 1},
	} {
		r.deliver(recipient)
		r.inject(f)
		each(5, func(i int64) {
			if err := r.send(t.Context(), Message(r.kind, recipient+i)); err == nil {
				t.Errorf("sent in spite of %+v", f)
			}
		})
		r.inject()
		r.deliver(recipient + 6)
		r.received(recipient+6, 1)
		recipient += 10
	}
}

// verified: whether it works can be found out, and nobody is sent anything by that.
func verified(t *testing.T, h Harness) {
	r := newRig(t, h)
	verifier, ok := r.sender.(channel.Verifier)
	if !ok {
		t.Fatal("there is no way to find out whether it works")
	}
	if err := verifier.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	r.counted(0)
	if h.Pretends {
		return
	}
	r.inject(sandbox.Fault{Outage: sandbox.Unavailable})
	err := verifier.Verify(t.Context())
	if err == nil {
		t.Fatal("a provider that is down passes")
	}
	r.keepsSecrets(err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := verifier.Verify(ended); err == nil {
		t.Error("it passes although nobody waits for it")
	}
}

// closed senders hold no connection; goleak, in each package's TestMain, sees the rest.
func closed(t *testing.T, h Harness) {
	r := newRig(t, h)
	r.deliver(1)
	for range 2 {
		if err := r.sender.Close(); err != nil {
			t.Error(err)
		}
	}
}

func waitOf(err error) time.Duration {
	var e *fault.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.After
}
