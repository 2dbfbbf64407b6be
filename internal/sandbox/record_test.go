package sandbox

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
)

func TestKeepIsBounded(t *testing.T) {
	t.Parallel()
	b := newBook(3, 100)
	for i := range 10 {
		b.receive(&Message{Channel: ChannelEmail, Identity: fmt.Sprintf("p/email/%d", i), Body: make([]byte, 10)}, false)
	}
	kept := b.messages(ChannelEmail)
	if len(kept) != 3 || kept[0].Identity != "p/email/9" || kept[2].Identity != "p/email/7" {
		t.Errorf("kept %d messages", len(kept))
	}
	b.receive(&Message{Channel: ChannelEmail, Body: make([]byte, 85)}, false)
	if kept := b.messages(ChannelEmail); len(kept) != 2 {
		t.Errorf("kept %d messages beyond the bytes", len(kept))
	}
	b.receive(&Message{Channel: ChannelEmail, Body: make([]byte, 500)}, false)
	if kept := b.messages(ChannelEmail); len(kept) != 1 || b.find(kept[0].ID) != kept[0] || b.find("1") != nil {
		t.Errorf("kept %d messages, the last alone being too large", len(kept))
	}
	if n := b.counts()[ChannelEmail]; n.Received != 12 || b.received("p/email/0") != 1 {
		t.Errorf("counts %+v", n)
	}
}

func TestArrivals(t *testing.T) {
	t.Parallel()
	b := newBook(10, 100)
	for _, m := range []*Message{
		{Channel: ChannelEmail, Identity: "p/email/1"}, {Channel: ChannelEmail, Identity: "p/email/1"},
		{Channel: ChannelSlack, Identity: "p/slack/1"}, {Channel: ChannelSlack, Identity: "q/slack/1"},
		{Channel: ChannelDiscord, Identity: "nonce"}, {Channel: ChannelDiscord},
	} {
		b.receive(m, false)
	}
	all := b.arrivals()
	if p := all["p"]; p.Received != 2 || p.Doubled != 1 || p.First.After(p.Last) ||
		!maps.Equal(p.Channels, map[string]int64{ChannelEmail: 1, ChannelSlack: 1}) {
		t.Errorf("p: %+v", p)
	}
	if len(all) != 2 || all["q"].Received != 1 {
		t.Errorf("all: %+v", all)
	}
	if total := b.counts().Total(); total.Received != 5 || total.Doubled != 1 {
		t.Errorf("total %+v", total)
	}
	b.reset()
	if len(b.arrivals()) != 0 || b.received("p/email/1") != 0 || b.counts().Total() != (ChannelCounts{}) {
		t.Error("something is left after a reset")
	}
}

// TestAtOnce sends from many connections while others look, for the race detector; each identity must
// be counted exactly as often as it was sent.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Keep: 10})
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := range 20 {
				if err := sendSMTP(s, "a@b", smtpMail(fmt.Sprintf("p/email/%d", i*(1+sender%2)), "")); err != nil {
					t.Error(err)
				}
				s.Counts()
				s.Messages(ChannelEmail)
				s.Arrivals()
			}
		})
	}
	senders.Wait()
	n := s.Counts()[ChannelEmail]
	var total int
	for _, count := range s.Identities(ChannelEmail) {
		total += count
	}
	if n.Received != 30 || n.Received+n.Doubled != 160 || total != 160 || s.Received("p/email/2") != 8 {
		t.Errorf("counts %+v, total %d", n, total)
	}
}

func TestContextCloses(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.ended
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, o := range []Options{{Addr: s.SMTPAddr()}, {SMTPAddr: s.SMTPAddr()}} {
		if _, err := Start(t.Context(), o); err == nil {
			t.Errorf("%+v: an address was taken twice", o)
		}
	}
}
