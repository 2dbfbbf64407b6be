package sandbox

import (
	"maps"
	"time"
)

// Arrivals says when a publication's messages came, and how many.
type Arrivals struct {
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	Received int64            `json:"received"`
	Doubled  int64            `json:"doubled"`
	Channels map[string]int64 `json:"channels"` // distinct identities by channel
}

// arrive notes the time under the message's publication, if it names one.
func (l *ledger) arrive(m *Message) {
	uid := publicationOf(m.Identity)
	if uid == "" {
		return
	}
	a := l.arrivals[uid]
	if a == nil {
		a = &Arrivals{First: m.At}
		l.arrivals[uid] = a
	}
	a.Last = m.At
	if m.Copy == 1 {
		a.Received++
	} else {
		a.Doubled++
	}
}

// arrivals gathers the channels' notes by publication.
func (b *book) arrivals() map[string]Arrivals {
	all := map[string]Arrivals{}
	for channel, page := range b.pages {
		page.mu.Lock()
		for uid, a := range page.arrivals {
			all[uid] = all[uid].with(channel, *a)
		}
		page.mu.Unlock()
	}
	return all
}

// with adds one channel's arrivals to those of the others.
func (a Arrivals) with(channel string, b Arrivals) Arrivals {
	if a.Channels == nil {
		a = Arrivals{First: b.First, Last: b.Last, Channels: map[string]int64{}}
	}
	if b.First.Before(a.First) {
		a.First = b.First
	}
	if b.Last.After(a.Last) {
		a.Last = b.Last
	}
	a.Channels = maps.Clone(a.Channels)
	a.Channels[channel] = b.Received
	a.Received += b.Received
	a.Doubled += b.Doubled
	return a
}
