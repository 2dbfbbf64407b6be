package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// fakeTarget lets batches in, and calls begin, unless it has a reason not to.
type fakeTarget struct {
	shut  error
	began int
	came  []error // what calls came to
}

func (f *fakeTarget) Enter(context.Context, tasks.Lane, int, func(int)) (delivery.Pass, error) {
	if f.shut != nil {
		return nil, f.shut
	}
	return open{}, nil
}

func (f *fakeTarget) Begin(int) (func(error) error, error) {
	if f.shut != nil {
		return nil, f.shut
	}
	f.began++
	return func(err error) error { f.came = append(f.came, err); return err }, nil
}

// fakeLimits have a target for each channel, by name.
type fakeLimits struct {
	targets    map[string]*fakeTarget
	own        *fakeTarget
	perMinutes []int
}

func (f *fakeLimits) Target(c channel.Channel) Target { return f.targets[c.Name] }

func (f *fakeLimits) Publication(_ int64, _ channel.Kind, perMinute int) delivery.Gate {
	f.perMinutes = append(f.perMinutes, perMinute)
	return f.own
}

var (
	errCircuit = fault.WaitFor(1, channel.CodeCircuitOpen, nil)
	errRate    = fault.WaitFor(1, "rate_limit", nil)
)

// relief is a sender with two channels for mail, of which "second" stands in for "first".
func relief(t *testing.T, limits *fakeLimits) (*Send, *channelList, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	first := outletOf(1, channel.Email, "first", 1)
	first.Settings = map[string]string{"fallback": "second"}
	store := &channelList{list: []channel.Channel{first, outletOf(2, channel.Email, "second", 1)}}
	outlets, _ := shop(store)
	t.Cleanup(outlets.Close)
	h := &Send{Outlets: outlets, Log: zap.New(core)}
	if limits != nil {
		h.Limits = limits
	}
	return h, store, logs
}

// TestWhatStandsIn does so while the circuit of the channel is open, and for no other reason.
func TestWhatStandsIn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, second error
		by            string
		want          error
	}{
		"all is well":   {nil, nil, "first", nil},
		"open":          {errCircuit, nil, "second", nil},
		"both are open": {errCircuit, errRate, "", errCircuit},
		"only full":     {errRate, nil, "", errRate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, logs := relief(t, &fakeLimits{targets: map[string]*fakeTarget{"first": {shut: tc.first}, "second": {shut: tc.second}}})
			primary, err := h.Outlets.ofKind(t.Context(), channel.Email)
			if err != nil {
				t.Fatal(err)
			}
			r, err := h.route(t.Context(), primary)
			if err != nil || len(r.ways) != 2 {
				t.Fatalf("%+v, %v", r, err)
			}
			p, err := r.Enter(t.Context(), tasks.LaneNormal, 3, func(int) {})
			if !errors.Is(err, tc.want) || (p == nil) != (tc.want != nil) || err == nil && r.by().Name != tc.by {
				t.Errorf("it leaves by %s: %v, %v", r.by().Name, p, err)
			}
			if told := logs.FilterMessage("a channel stands in for another").Len() == 1; told != (tc.by == "second") {
				t.Errorf("it is told: %t", told)
			}
		})
	}
}

// TestACircuitOfOlderSettings keeps no batch waiting: it leaves by the channel as it is now, which was changed a moment ago.
func TestACircuitOfOlderSettings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &channelList{list: []channel.Channel{outletOf(1, channel.Slack, "moved", 1)}}
		outlets, _ := shop(store)
		defer outlets.Close()
		limits := &fakeLimits{targets: map[string]*fakeTarget{"moved": {shut: errCircuit}, "there": {}}}
		h := &Send{Outlets: outlets, Log: zap.NewNop(), Limits: limits}
		old, err := outlets.byID(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		enter := func() (*route, error) {
			r, err := h.route(t.Context(), old)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {})
			return r, err
		}
		<-time.After(outletsYoung)
		if _, err := enter(); !errors.Is(err, errCircuit) {
			t.Errorf("as it was: %v", err)
		}
		store.list = []channel.Channel{outletOf(1, channel.Slack, "there", 2)}
		if _, err := enter(); !errors.Is(err, errCircuit) || store.reads != 2 {
			t.Errorf("the channels are read %d times in a moment: %v", store.reads, err)
		}
		<-time.After(outletsYoung)
		if r, err := enter(); err != nil || r.by().Version != 2 {
			t.Errorf("changed: it leaves by version %d, %v", r.by().Version, err)
		}
		store.err = errAway
		<-time.After(outletsAge)
		if _, err := enter(); !errors.Is(err, errCircuit) {
			t.Errorf("with the database away: %v", err)
		}
	})
}

// TestNothingToStandIn: the one that is named only pretends, or is switched off, or the channels cannot be read.
func TestNothingToStandIn(t *testing.T) {
	t.Parallel()
	pretending, _, _ := relief(t, nil)
	if first, err := pretending.Outlets.ofKind(t.Context(), channel.Email); err != nil {
		t.Fatal(err)
	} else {
		pretending.Outlets.open[2].pretends = true
		if r, err := pretending.route(t.Context(), first); err != nil || len(r.ways) != 1 {
			t.Errorf("a placeholder stands in: %+v, %v", r, err)
		}
	}
	h, store, _ := relief(t, nil)
	store.list = store.list[:1]
	primary, err := h.Outlets.ofKind(t.Context(), channel.Email)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.route(t.Context(), primary)
	if err != nil || len(r.ways) != 1 || r.by().target != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	pass, err := r.Enter(t.Context(), tasks.LaneNormal, 3, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	pass.Give(3)
	if n, err := pass.Take(5); n != 5 || err != nil || !pass.Ready() || pass.Shut() != nil {
		t.Errorf("what nothing limits gives %d, %v", n, err)
	}
	pass.Leave()
	away, store, _ := relief(t, nil)
	store.err = errAway
	if r, err := away.route(t.Context(), primary); !errors.Is(err, errAway) || r != nil {
		t.Errorf("with the database away: %v, %v", r, err)
	}
}

// TestOwnRate of a publication is a gate; without one there is none.
func TestOwnRate(t *testing.T) {
	t.Parallel()
	limits := &fakeLimits{own: &fakeTarget{}}
	slow := &edition.Edition{Kind: channel.Email, Publication: &publication.Publication{ID: 3, RatePerMinute: 90}}
	swift := &edition.Edition{Kind: channel.Email, Publication: &publication.Publication{ID: 4}}
	h, _, _ := relief(t, limits)
	if h.ownGate(slow) != delivery.Gate(limits.own) || h.ownGate(swift) != nil || len(limits.perMinutes) != 1 || limits.perMinutes[0] != 90 {
		t.Errorf("asked for %v", limits.perMinutes)
	}
	unlimited, _, _ := relief(t, nil)
	if unlimited.ownGate(slow) != nil {
		t.Error("a gate without limits")
	}
}

// TestPlaceThatIsOff is tried again later; when the channels cannot be read, so is the batch.
func TestPlaceThatIsOff(t *testing.T) {
	t.Parallel()
	h, store, _ := relief(t, nil)
	e := &edition.Edition{Kind: channel.Slack, Publication: &publication.Publication{ID: 3}}
	way, err := h.openPost(t.Context(), nil, e, &delivery.Batch{Hi: 9})
	if err != nil || way.Gate != nil {
		t.Fatalf("%+v, %v", way, err)
	}
	if err := way.Send(t.Context(), &delivery.Recipient{}); !fault.Is(err, fault.Retry) || fault.CodeOf(err) != "channel_off" {
		t.Errorf("got %v", err)
	}
	store.err = errAway
	if _, err := h.openPost(t.Context(), nil, e, &delivery.Batch{Hi: 9}); !errors.Is(err, errAway) {
		t.Errorf("with the database away: %v", err)
	}
}

// TestCallsAreAnnounced to the target, which says whether they may be made and hears what came of each.
func TestCallsAreAnnounced(t *testing.T) {
	t.Parallel()
	h, _, logs := relief(t, nil)
	e := &edition.Edition{Kind: channel.Email, Publication: &publication.Publication{CorrelationID: "c"}}
	refused := fault.New(fault.GiveUp, "rejected", "")
	sender, target := &fakeSender{}, &fakeTarget{}
	by := way{&outlet{Channel: outletOf(1, channel.Email, "first", 1), sender: sender}, target}
	if err := h.handOver(t.Context(), nil, by, e, &channel.Message{}); err != nil || logs.FilterMessage("delivery accepted").Len() != 1 {
		t.Errorf("accepted: %v", err)
	}
	sender.answer = func(*channel.Message) error { return refused }
	if err := h.handOver(t.Context(), nil, by, e, &channel.Message{}); !errors.Is(err, refused) || logs.FilterMessage("delivery not accepted").Len() != 1 {
		t.Errorf("refused: %v", err)
	}
	sender.answer = func(*channel.Message) error { panic("a provider's bug") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		t.Errorf("a call that panics came to %v", h.call(t.Context(), nil, by, &channel.Message{}))
	}()
	if len(target.came) != 3 || target.came[0] != nil || !errors.Is(target.came[1], refused) || !fault.Is(target.came[2], fault.Uncertain) {
		t.Errorf("the target heard %v", target.came)
	}
	target.shut = errCircuit
	if err := h.call(t.Context(), nil, by, &channel.Message{}); !errors.Is(err, errCircuit) || len(sender.sent()) != 3 {
		t.Errorf("shut: %v, after %d calls", err, len(sender.sent()))
	}
	pretending := way{outlet: &outlet{sender: &fakeSender{}, pretends: true}}
	if err := h.handOver(t.Context(), nil, pretending, e, &channel.Message{}); !errors.Is(err, delivery.ErrPlaceholder) {
		t.Errorf("a placeholder: %v", err)
	}
}
