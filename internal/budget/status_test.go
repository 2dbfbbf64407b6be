package budget

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// goneRedis answers nothing.
func goneRedis(t *testing.T) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	return client
}

var errNoList = errors.New("no list of channels")

// having has channels switched on.
func having(list ...channel.Channel) func(*Options) {
	return func(o *Options) {
		o.Channels = func(context.Context) ([]channel.Channel, error) { return list, nil }
	}
}

func place(id int64, name, rate string) channel.Channel {
	c := outlet()
	c.ID, c.Kind, c.Name = id, channel.Slack, name
	if rate != "" {
		c.Settings["rate"] = rate
	}
	return c
}

// TestRateOfAKind is that of the one channel that personal messages leave by, and of all places together.
func TestRateOfAKind(t *testing.T) {
	t.Parallel()
	other := outlet("rate", "1000")
	other.ID = 8
	for name, tc := range map[string]struct {
		list    []channel.Channel
		kind    channel.Kind
		quota   float64
		want    float64
		limited bool
	}{
		"no channel":              {nil, channel.Email, 0, 0, true},
		"another kind's":          {[]channel.Channel{outlet("rate", "3")}, channel.Slack, 0, 0, true},
		"the first mailer":        {[]channel.Channel{outlet("rate", "20"), other}, channel.Email, 0, 20, true},
		"nothing known":           {[]channel.Channel{outlet()}, channel.Email, 0, 0, false},
		"the account's quota":     {[]channel.Channel{outlet()}, channel.Email, 14, 14, true},
		"a setting above a quota": {[]channel.Channel{outlet("rate", "20")}, channel.Email, 14, 20, true},
		"all places":              {[]channel.Channel{place(1, "a", "2"), place(2, "b", "3")}, channel.Slack, 0, 5, true},
		"one place has no rate":   {[]channel.Channel{place(1, "a", "2"), place(2, "b", "")}, channel.Slack, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := process(t, redistest.Client(t), "one", having(tc.list...))
			for _, quota := range []float64{tc.quota, 0, -1} { // the last two are not known, and change nothing
				if err := b.SetQuota(t.Context(), 7, channel.Quota{PerSecond: quota}); err != nil {
					t.Fatal(err)
				}
			}
			if rate, limited, err := b.Rate(t.Context(), tc.kind); rate != tc.want || limited != tc.limited || err != nil {
				t.Errorf("got %v, %t, %v, want %v, %t", rate, limited, err, tc.want, tc.limited)
			}
		})
	}
}

// TestRateAfterAComplaint is the one that was learned, and never more than the settings say now.
func TestRateAfterAComplaint(t *testing.T) {
	t.Parallel()
	client := redistest.Client(t)
	if err := client.HSet(t.Context(), redisKeys(channelKey(7))[0], "rate", "10").Err(); err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]float64{"20": 10, "4": 4} {
		b := process(t, client, "one", having(outlet("rate", setting)))
		if rate, limited, err := b.Rate(t.Context(), channel.Email); rate != want || !limited || err != nil {
			t.Errorf("with the setting %s: %v, %t, %v, want %v", setting, rate, limited, err, want)
		}
	}
}

// TestRateWhileACircuitIsOpen is that of what stands in, one deep as sending has it; of nobody it is 0. A place that is
// broken leaves the others theirs.
func TestRateWhileACircuitIsOpen(t *testing.T) {
	t.Parallel()
	first, relief, unlimited := outlet("rate", "20", "fallback", "relief"), outlet("rate", "6", "fallback", "third"), outlet()
	relief.ID, relief.Name = 8, "relief"
	unlimited.ID, unlimited.Name = 8, "relief"
	third := outlet("rate", "100")
	third.ID, third.Name = 9, "third"
	for name, tc := range map[string]struct {
		list    []channel.Channel
		broken  []int64
		want    float64
		limited bool
	}{
		"none is open":             {[]channel.Channel{first, relief}, nil, 20, true},
		"nobody stands in":         {[]channel.Channel{outlet("rate", "20"), relief}, []int64{7}, 0, true},
		"and it has no rate":       {[]channel.Channel{outlet()}, []int64{7}, 0, true},
		"what stands in is off":    {[]channel.Channel{first}, []int64{7}, 0, true},
		"one stands in":            {[]channel.Channel{first, relief}, []int64{7}, 6, true},
		"one without a rate":       {[]channel.Channel{first, unlimited}, []int64{7}, 0, false},
		"both are open":            {[]channel.Channel{first, relief, third}, []int64{7, 8}, 0, true},
		"one place of two":         {[]channel.Channel{place(7, "a", "2"), place(8, "b", "3")}, []int64{7}, 3, true},
		"a place without a rate":   {[]channel.Channel{place(7, "a", ""), place(8, "b", "3")}, []int64{7}, 3, true},
		"another that has no rate": {[]channel.Channel{place(7, "a", "2"), place(8, "b", "")}, []int64{7}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Minute), having(tc.list...))
			for _, c := range tc.list {
				if slices.Contains(tc.broken, c.ID) {
					call(t, b.Channel(c), errDown)
				}
			}
			if rate, limited, err := b.Rate(t.Context(), tc.list[0].Kind); rate != tc.want || limited != tc.limited || err != nil {
				t.Errorf("got %v, %t, %v, want %v, %t", rate, limited, err, tc.want, tc.limited)
			}
		})
	}
}

// TestBrokenNamesOpenCircuits and no closed ones.
func TestBrokenNamesOpenCircuits(t *testing.T) {
	t.Parallel()
	whole := outlet()
	whole.ID, whole.Name = 8, "whole"
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Minute), having(outlet(), whole))
	if names, err := b.Broken(t.Context()); names == nil || len(names) != 0 || err != nil {
		t.Errorf("before: %v, %v", names, err)
	}
	call(t, b.Channel(outlet()), errDown)
	call(t, b.Channel(whole), nil)
	if names, err := b.Broken(t.Context()); len(names) != 1 || names[0] != "mail" || err != nil {
		t.Errorf("after: %v, %v", names, err)
	}
}

// TestWhatCannotBeRead is told, and nothing is made up for it.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	noList := func(o *Options) {
		o.Channels = func(context.Context) ([]channel.Channel, error) { return nil, errNoList }
	}
	for name, tc := range map[string]struct {
		b    *Budget
		want error
	}{
		"no list":  {process(t, goneRedis(t), "one", noList), errNoList},
		"no Redis": {process(t, goneRedis(t), "one", having(outlet("rate", "3"))), redis.ErrClosed},
	} {
		if names, err := tc.b.Broken(t.Context()); !errors.Is(err, tc.want) || names != nil {
			t.Errorf("%s: broken are %v, %v", name, names, err)
		}
		if rate, limited, err := tc.b.Rate(t.Context(), channel.Email); !errors.Is(err, tc.want) || rate != 0 || limited {
			t.Errorf("%s: the rate is %v, %t, %v", name, rate, limited, err)
		}
	}
	b := process(t, goneRedis(t), "one")
	if err := b.SetQuota(t.Context(), 7, channel.Quota{PerSecond: 5}); !errors.Is(err, redis.ErrClosed) || !b.Away() {
		t.Errorf("a quota that is not noted: %v", err)
	}
}

// TestPublicationsAreForgotten once their last batch has left, and also if none was ever let in.
func TestPublicationsAreForgotten(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one")
	kept := b.Channel(outlet())
	for id := range int64(3) {
		b.Publication(id, channel.Email, 60) // which goes on elsewhere
	}
	held := b.Publication(7, channel.Email, 60)
	p, err := held.Enter(t.Context(), tasks.LaneNormal, 1, newWoken().wake)
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	for _, t := range b.targets {
		t.asked -= forgottenAfter + time.Second // as if that time had passed
	}
	b.mu.Unlock()
	last := b.Publication(8, channel.Email, 60)
	if len(b.targets) != 3 || b.targets[kept.key] != kept || b.targets[held.key] != held || b.targets[last.key] != last {
		t.Errorf("%d targets are kept", len(b.targets))
	}
	p.Leave()
	if len(b.targets) != 2 {
		t.Errorf("%d are kept when the batch has left", len(b.targets))
	}
}

// TestStatuses are what this process knows of channels; publications are none.
func TestStatuses(t *testing.T) {
	t.Parallel()
	b := process(t, redistest.Client(t), "one", quickCircuit(1, time.Minute))
	target := b.Channel(outlet("rate", "40"))
	b.Publication(3, channel.Email, 60)
	only := func() Status {
		t.Helper()
		list := b.Statuses()
		if len(list) != 1 || list[0].Channel != "mail" || list[0].PerSecond != 40 {
			t.Fatalf("got %+v", list)
		}
		return list[0]
	}
	if s := only(); s.Circuit != channel.CircuitClosed || len(s.Held) != 0 {
		t.Errorf("at first: %+v", s)
	}
	call(t, target, errDown)
	if _, err := target.Enter(t.Context(), tasks.LaneNormal, 1, newWoken().wake); err == nil {
		t.Fatal("a batch came in")
	}
	if s := only(); s.Circuit != channel.CircuitOpen || s.Held[channel.CodeCircuitOpen] != 1 {
		t.Errorf("open: %+v", s)
	}
	b.began = b.began.Add(-2 * time.Minute) // as if that time had passed
	if s := only(); s.Circuit != channel.CircuitHalfOpen {
		t.Errorf("half-open: %+v", s)
	}
	b.began = b.began.Add(-staleAfter)
	if list := b.Statuses(); len(list) != 0 {
		t.Errorf("long after it was switched off: %+v", list)
	}
	b.Channel(outlet("rate", "40"))
	if s := only(); s.Circuit != channel.CircuitHalfOpen {
		t.Errorf("on again: %+v", s)
	}
}
