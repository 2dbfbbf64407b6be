package sandbox

import (
	"iter"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The channels messages are recorded under, named as Presswork names them.
const (
	ChannelEmail      = "email"
	ChannelNewsletter = "newsletter"
	ChannelSlack      = "slack"
	ChannelDiscord    = "discord"
	ChannelWebhook    = "webhook"
)

// Channels lists every channel in the order they are shown.
func Channels() []string {
	return []string{ChannelEmail, ChannelNewsletter, ChannelSlack, ChannelDiscord, ChannelWebhook}
}

// ChannelCounts says what became of the requests of one channel.
type ChannelCounts struct {
	// Received is how many distinct identities arrived. A message without an identity counts as one.
	Received int64 `json:"received"`
	// Doubled is how many copies arrived beyond the first of each identity.
	Doubled int64 `json:"doubled"`
	// Requests is how many times a sender tried, whatever came of it. SMTP connections and mails that an
	// outage turned away before their data are not counted anywhere.
	Requests int64 `json:"requests"`
	// Refused is how many of the requests were answered with an injected throttle, error or outage.
	Refused int64 `json:"refused"`
	// Invalid is how many were answered with an error because of what they said: a wrong signature, an
	// empty message. They are shown but not counted as received.
	Invalid int64 `json:"invalid"`
	// Unanswered is how many were recorded, and the connection then closed without an answer.
	Unanswered int64 `json:"unanswered"`
}

// Counts are the counters of every channel.
type Counts map[string]ChannelCounts

// Total adds the channels up.
func (c Counts) Total() ChannelCounts {
	var t ChannelCounts
	for _, n := range c {
		t.Received += n.Received
		t.Doubled += n.Doubled
		t.Requests += n.Requests
		t.Refused += n.Refused
		t.Invalid += n.Invalid
		t.Unanswered += n.Unanswered
	}
	return t
}

// book holds what was recorded. Each channel has its own page, with its own lock.
type book struct {
	pages   map[string]*ledger
	seq     atomic.Uint64
	journal *journal
}

// ledger is what is known of one channel: the last messages whole, and of all messages their counts.
type ledger struct {
	mu       sync.Mutex
	keep     int
	maxBytes int
	kept     []*Message // oldest first; a window sliding over a growing array
	bytes    int
	seen     identitySet
	arrivals map[string]*Arrivals
	counts   ChannelCounts
}

func newBook(keep, maxBytes int) *book {
	b := &book{pages: map[string]*ledger{}}
	for _, channel := range Channels() {
		b.pages[channel] = &ledger{keep: keep, maxBytes: maxBytes}
		b.pages[channel].reset()
	}
	return b
}

// reset forgets everything but the sequence, so that ids are never given twice.
func (b *book) reset() {
	for _, page := range b.pages {
		page.mu.Lock()
		page.reset()
		page.mu.Unlock()
	}
}

func (l *ledger) reset() {
	l.kept, l.bytes = nil, 0
	l.seen = newIdentitySet()
	l.arrivals = map[string]*Arrivals{}
	l.counts = ChannelCounts{}
}

// request counts an attempt on a channel, and whether an injected fault refused it.
func (b *book) request(channel string, refused bool) {
	page := b.pages[channel]
	page.mu.Lock()
	defer page.mu.Unlock()
	page.counts.Requests++
	if refused {
		page.counts.Refused++
	}
}

// number gives a message the next id.
func (b *book) number(m *Message) {
	m.number = b.seq.Add(1)
	m.ID = strconv.FormatUint(m.number, 10)
}

// receive records a message that the provider accepts, giving it its id, time and copy number.
// unanswered says that the sender will not be told.
func (b *book) receive(m *Message, unanswered bool) {
	b.number(m)
	page := b.pages[m.Channel]
	page.mu.Lock()
	defer page.mu.Unlock()
	m.At = time.Now().UTC()
	m.Copy = 1
	if m.Identity != "" {
		m.Copy = page.seen.add(m.Identity)
	}
	if m.Copy == 1 {
		page.counts.Received++
	} else {
		page.counts.Doubled++
	}
	if unanswered {
		page.counts.Unanswered++
	}
	page.arrive(m)
	page.hold(m)
	fate := Accepted
	if unanswered {
		fate = Unanswered
	}
	b.journal.note(m, fate)
}

// invalid records a message that the provider turns down, and why. It counts for nothing else.
func (b *book) invalid(m *Message, problem string) {
	b.number(m)
	m.Problem = problem
	page := b.pages[m.Channel]
	page.mu.Lock()
	defer page.mu.Unlock()
	m.At = time.Now().UTC()
	page.counts.Invalid++
	page.hold(m)
}

// hold keeps the message and lets go of the oldest ones beyond the limits.
func (l *ledger) hold(m *Message) {
	l.kept = append(l.kept, m)
	l.bytes += len(m.Body)
	for len(l.kept) > 1 && (len(l.kept) > l.keep || l.bytes > l.maxBytes) {
		l.bytes -= len(l.kept[0].Body)
		l.kept[0] = nil
		l.kept = l.kept[1:]
	}
}

// messages returns what is kept of a channel, newest first.
func (b *book) messages(channel string) []*Message {
	page := b.pages[channel]
	if page == nil {
		return nil
	}
	page.mu.Lock()
	kept := slices.Clone(page.kept)
	page.mu.Unlock()
	slices.Reverse(kept)
	return kept
}

// find returns the kept message with the id, or nil.
func (b *book) find(id string) *Message {
	for _, channel := range Channels() {
		for _, m := range b.messages(channel) {
			if m.ID == id {
				return m
			}
		}
	}
	return nil
}

func (b *book) counts() Counts {
	counts := make(Counts, len(b.pages))
	for channel, page := range b.pages {
		page.mu.Lock()
		counts[channel] = page.counts
		page.mu.Unlock()
	}
	return counts
}

// received adds up how often an identity arrived, on whichever channel.
func (b *book) received(identity string) int {
	var n int
	for _, page := range b.pages {
		page.mu.Lock()
		n += page.seen.count(identity)
		page.mu.Unlock()
	}
	return n
}

// identities yields a channel's identities and counts as they were when the iteration began.
func (b *book) identities(channel string) iter.Seq2[string, int] {
	page := b.pages[channel]
	if page == nil {
		return func(func(string, int) bool) {}
	}
	return func(yield func(string, int) bool) {
		page.mu.Lock()
		seen := page.seen.clone()
		page.mu.Unlock()
		seen.all()(yield)
	}
}
