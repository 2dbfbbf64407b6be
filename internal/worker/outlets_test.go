package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
)

// channelList is a ChannelStore.
type channelList struct {
	list  []channel.Channel
	err   error
	reads int
}

func (c *channelList) EnabledChannels(context.Context) ([]channel.Channel, error) {
	c.reads++
	return c.list, c.err
}

var errNoOpen = errors.New("no such host")

// shop has a provider that opens a fakeSender for each channel, unless its settings say "broken".
func shop(store ChannelStore) (*Outlets, map[string]*fakeSender) {
	opened := map[string]*fakeSender{}
	registry := channel.NewRegistry(nil, channel.Provider{Name: "fake", Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
		if c.Settings["broken"] != "" {
			return nil, errNoOpen
		}
		s := &fakeSender{}
		opened[c.Name] = s
		return s, nil
	}})
	return NewOutlets(store, registry, zap.NewNop()), opened
}

func outletOf(id int64, kind channel.Kind, name string, version int) channel.Channel {
	return channel.Channel{ID: id, Kind: kind, Provider: "fake", Name: name, Version: version}
}

// TestOutletsFollowTheChannels in a world whose clock is ours.
func TestOutletsFollowTheChannels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		store := &channelList{list: []channel.Channel{outletOf(2, channel.Email, "second", 1), outletOf(1, channel.Email, "first", 1)}}
		o, opened := shop(store)
		if s, err := o.ofKind(ctx, channel.Email); err != nil || s.sender != channel.Sender(opened["first"]) {
			t.Errorf("the first e-mail channel: %v, %v", s, err)
		}
		if s, err := o.byID(ctx, 2); err != nil || s.sender != channel.Sender(opened["second"]) {
			t.Errorf("channel 2: %v, %v", s, err)
		}
		if _, err := o.ofKind(ctx, channel.Slack); !errors.Is(err, errNoOutlet) {
			t.Errorf("no such kind: %v", err)
		}
		if _, err := o.byID(ctx, 3); !errors.Is(err, errNoOutlet) || store.reads != 2 {
			t.Errorf("no such channel: %v, after %d reads", err, store.reads)
		}

		// One is changed, one switched off, one switched on: all of it counts a second later, without a restart.
		first, second := opened["first"], opened["second"]
		store.list = []channel.Channel{outletOf(1, channel.Email, "first", 2), outletOf(3, channel.Slack, "third", 1)}
		<-time.After(outletsAge)
		if s, err := o.ofKind(ctx, channel.Email); err != nil || s.sender != channel.Sender(opened["first"]) || opened["first"] == first {
			t.Errorf("changed: %v, %v", s, err)
		}
		if _, err := o.byID(ctx, 2); !errors.Is(err, errNoOutlet) {
			t.Errorf("switched off: %v", err)
		}
		if s, err := o.byID(ctx, 3); err != nil || s.sender != channel.Sender(opened["third"]) {
			t.Errorf("switched on: %v, %v", s, err)
		}

		// What was replaced may finish what it has in hand.
		if first.closes()+second.closes() != 0 {
			t.Error("closed at once")
		}
		<-time.After(lingering)
		synctest.Wait()
		if first.closes() != 1 || second.closes() != 1 {
			t.Errorf("closed %d and %d times after a while", first.closes(), second.closes())
		}

		// The end closes everything, what lingers included.
		latest := opened["first"]
		store.list = store.list[1:]
		if _, err := o.ofKind(ctx, channel.Email); !errors.Is(err, errNoOutlet) {
			t.Errorf("the last one switched off: %v", err)
		}
		o.Close()
		<-time.After(2 * lingering)
		if latest.closes() != 1 || opened["third"].closes() != 1 || first.closes() != 1 {
			t.Errorf("closed %d, %d and %d times at the end", latest.closes(), opened["third"].closes(), first.closes())
		}
	})
}

// TestFirstOutletOfItsKind is found as soon as it is there, since a batch that finds none waits for seconds; and the database
// is not asked more often for it than the list may be young.
func TestFirstOutletOfItsKind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &channelList{}
		o, _ := shop(store)
		for range 10 {
			if _, err := o.ofKind(t.Context(), channel.Email); !errors.Is(err, errNoOutlet) {
				t.Errorf("none is there: %v", err)
			}
		}
		if store.reads != 1 {
			t.Errorf("the channels were read %d times", store.reads)
		}
		store.list = []channel.Channel{outletOf(1, channel.Email, "first", 1)}
		<-time.After(outletsYoung)
		for range 10 {
			if s, err := o.ofKind(t.Context(), channel.Email); err != nil || s.Name != "first" {
				t.Errorf("it is there: %v, %v", s, err)
			}
		}
		if store.reads != 2 {
			t.Errorf("the channels were read %d times", store.reads)
		}
		o.Close()
	})
}

func TestOutletThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := outletOf(1, channel.Slack, "broken", 1)
		broken.Settings = map[string]string{"broken": "yes"}
		store := &channelList{list: []channel.Channel{broken, outletOf(2, channel.Slack, "whole", 1)}}
		o, opened := shop(store)
		if _, err := o.byID(t.Context(), 1); !errors.Is(err, errNoOpen) {
			t.Errorf("got %v", err)
		}
		if s, err := o.byID(t.Context(), 2); err != nil || s == nil {
			t.Errorf("the other one: %v, %v", s, err)
		}
		// Mended by its owner, who thereby made a new version.
		store.list = []channel.Channel{outletOf(1, channel.Slack, "broken", 2)}
		<-time.After(outletsAge)
		if s, err := o.byID(t.Context(), 1); err != nil || s.sender != channel.Sender(opened["broken"]) {
			t.Errorf("mended: %v, %v", s, err)
		}
		o.Close()
	})
}

func TestOutletsWithTheDatabaseAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &channelList{err: errAway}
		o, _ := shop(store)
		for range 2 {
			if _, err := o.ofKind(t.Context(), channel.Email); !errors.Is(err, errAway) {
				t.Errorf("got %v", err)
			}
			if _, err := o.byID(t.Context(), 1); !errors.Is(err, errAway) {
				t.Errorf("got %v", err)
			}
		}
		store.err, store.list = nil, []channel.Channel{outletOf(1, channel.Email, "first", 1)}
		if s, err := o.ofKind(t.Context(), channel.Email); err != nil || s == nil {
			t.Errorf("back again: %v, %v", s, err)
		}
		o.Close()
	})
}

// TestOutletThatWasJustSwitchedOn is found, however young the list is.
func TestOutletThatWasJustSwitchedOn(t *testing.T) {
	t.Parallel()
	store := &channelList{list: []channel.Channel{outletOf(1, channel.Slack, "first", 1)}}
	o, opened := shop(store)
	defer o.Close()
	if _, err := o.byID(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	store.list = append(store.list, outletOf(2, channel.Slack, "second", 1))
	if s, err := o.byID(t.Context(), 2); err != nil || s.sender != channel.Sender(opened["second"]) {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := o.named(t.Context(), "second", channel.Slack); err != nil || s == nil || s.ID != 2 {
		t.Errorf("by name: %v, %v", s, err)
	}
	if s, err := o.named(t.Context(), "second", channel.Email); err != nil || s != nil {
		t.Errorf("of another kind: %v, %v", s, err)
	}
}
