package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// notes is a HealthStore that remembers what it was told.
type notes struct {
	mu   sync.Mutex
	told []string
	off  channel.Off
	err  error
}

func (n *notes) NoteFailure(_ context.Context, id int64, version int, gone bool) (channel.Off, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, fmt.Sprintf("%d.%d failed %t", id, version, gone))
	return n.off, n.err
}

func (n *notes) NoteSuccess(_ context.Context, id int64, version int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, fmt.Sprintf("%d.%d succeeded", id, version))
	return n.err
}

// TestHealthNotesChanges only: the first failure, the first success after failures, what is gone, and what may have failed
// for long enough. Whoever succeeds all the time, or waits, stores nothing.
func TestHealthNotesChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		core, logs := observer.New(zapcore.InfoLevel)
		store := &notes{}
		h := NewHealth(store, zap.New(core))
		go h.Run(ctx)
		place := &outlet{Channel: channel.Channel{ID: 3, Version: 2, Kind: channel.Webhook, Name: "shop"}}
		mail := &outlet{Channel: channel.Channel{ID: 4, Version: 1, Kind: channel.Email, Name: "mail"}}
		down := fault.New(fault.Retry, "http_500", "down")
		saw := func(o *outlet, err error, want ...string) {
			t.Helper()
			store.mu.Lock()
			store.told = nil
			store.mu.Unlock()
			h.saw(o, err)
			synctest.Wait()
			if !slices.Equal(store.told, want) {
				t.Errorf("after %v it was told %q, not %q", err, store.told, want)
			}
		}
		saw(place, nil)
		saw(place, fault.WaitFor(time.Second, "rate_limited", nil))
		saw(mail, down)
		saw(place, down, "3.2 failed false")
		saw(place, down)
		saw(place, nil, "3.2 succeeded")
		saw(place, nil)

		// What could not be stored is told with the next call.
		store.err = errors.New("away")
		saw(place, down, "3.2 failed false")
		store.err = nil
		saw(place, down, "3.2 failed false")
		<-time.After(channel.LastingFailure - time.Second)
		saw(place, down)
		<-time.After(time.Second)
		store.off = channel.Failing
		saw(place, down, "3.2 failed false")
		store.off = channel.Gone
		saw(place, fault.New(fault.GiveUp, channel.CodeGone, "no more"), "3.2 failed true")
		if h.Off(channel.Gone) != 1 || h.Off(channel.Failing) != 1 || h.Off(channel.ByClient) != 0 {
			t.Errorf("%v gone, %v failing", h.Off(channel.Gone), h.Off(channel.Failing))
		}
		if n := logs.FilterMessage("channel switched off").FilterLevelExact(zapcore.WarnLevel).Len(); n != 2 {
			t.Errorf("%d lines of the log say so", n)
		}
		// What another process found out counts here too, as soon as the channels are read.
		place.fares(channel.Channel{})
		saw(place, nil)
		place.fares(channel.Channel{Health: channel.Health{FailingSince: time.Now()}})
		saw(place, nil, "3.2 succeeded")
		cancel()
		synctest.Wait()
		for range sightings + 5 { // nobody stores any more, and nobody waits for that
			h.saw(place, down)
			place.failing.Store(0)
		}
	})
}
