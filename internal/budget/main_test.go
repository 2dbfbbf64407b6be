package budget

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// process is a Budget as one process has it.
func process(t *testing.T, client redis.UniversalClient, name string, change ...func(*Options)) *Budget {
	t.Helper()
	o := Options{Redis: client, Process: name, Notice: func(message, target string) { t.Log(name, message, target) }}
	for _, c := range change {
		c(&o)
	}
	b := New(o)
	t.Cleanup(b.Close)
	return b
}

func quickCircuit(failures int, open time.Duration) func(*Options) {
	return func(o *Options) { o.Failures, o.OpenFor = failures, open }
}

// outlet is a channel with settings.
func outlet(settings ...string) channel.Channel {
	c := channel.Channel{ID: 7, Kind: channel.Email, Provider: "p", Name: "mail", Settings: map[string]string{}}
	for i := 0; i < len(settings); i += 2 {
		c.Settings[settings[i]] = settings[i+1]
	}
	return c
}

// woken counts what a pass is told, and lets wait for it.
type woken struct{ ch chan int }

func newWoken() *woken { return &woken{ch: make(chan int, 1024)} }

func (w *woken) wake(n int) {
	select {
	case w.ch <- n:
	default:
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 20 s", what)
		case <-tick.C:
		}
	}
}
