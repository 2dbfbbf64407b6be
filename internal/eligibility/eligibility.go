// Package eligibility decides when a reader may be sent to: now, later, or not by this channel at all. It knows what readers
// chose (channels, digests, pauses, quiet hours), what the organisation says for all, and what sort of message it is. It is
// asked where deliveries are made, where held ones are due, and again just before they are sent; each time anew, so that what
// was changed meanwhile counts. Consent and suppression are not its business: those end a delivery, this puts it off.
package eligibility

import (
	"slices"
	"time"
)

// Reason is why a reader is not sent to now.
type Reason uint8

// The reasons.
const (
	// None: nothing stands in the way.
	None Reason = iota
	// Paused by the reader, until a day.
	Paused
	// LocalHour: the publication goes out at an hour of each reader's own day, which has not come yet.
	LocalHour
	// QuietHours of the reader, or of the organisation.
	QuietHours
	// Digest: the reader gets all of it together, at an hour of the day or of the week.
	Digest
	// Capped: the reader got as many as the organisation allows in a time.
	Capped
	// ChannelOff: the reader does not want this kind of channel. It is for good.
	ChannelOff
)

// Frequency is how often a reader wants to hear something. The numbers are stored.
type Frequency int16

// The frequencies.
const (
	Each Frequency = iota
	Daily
	Weekly
)

// Reader is what of a reader matters.
type Reader struct {
	// Timezone is a name of the IANA database; one that is not known counts as UTC.
	Timezone    string
	ChannelsOff []int16 // kinds of channel
	Frequency   Frequency
	PausedUntil time.Time // zero: not paused
	Quiet       *Hours    // nil: as the organisation says
	// Since is from when on this is held for them: it goes with the first digest after that. Zero: from now on.
	Since time.Time
}

// Message is what of a publication matters, on one kind of channel.
type Message struct {
	Channel int16
	// Urgent messages, of priority critical or transactional ones, pass everything that is decided here.
	Urgent bool
	// Digest is one itself, and is not held for the next one.
	Digest bool
	// Local is when it is to be read, by each reader's own clock; nil: at once.
	Local *Local
}

// Verdict is what was decided.
type Verdict struct {
	Reason Reason
	// Until is when a held reader is looked at again; zero of who is not held.
	Until time.Time
	// Closes is when who may be sent to now may not any more, since quiet hours begin; zero: it cannot be foreseen.
	Closes time.Time
}

// Held reports whether the reader is to be sent to later.
func (v Verdict) Held() bool { return v.Reason != None && v.Reason != ChannelOff }

// Decide says whether a reader may be sent to now. Caps are another question: see Cap.
func (p *Policy) Decide(zones *Zones, m Message, r Reader, now time.Time) Verdict {
	if m.Urgent {
		return Verdict{}
	}
	if slices.Contains(r.ChannelsOff, m.Channel) {
		return Verdict{Reason: ChannelOff}
	}
	quiet := p.Quiet
	if r.Quiet != nil {
		quiet = *r.Quiet
	}
	gathered := r.Frequency != Each && !m.Digest
	if m.Local == nil && !gathered && quiet.None() && !r.PausedUntil.After(now) {
		return Verdict{} // as most are: no clock is needed
	}
	zone := zones.Zone(r.Timezone)
	if gathered {
		from := now
		if !r.Since.IsZero() {
			from = r.Since
		}
		if r.PausedUntil.After(from) {
			from = r.PausedUntil
		}
		if next := p.Digest.next(from, zone, r.Frequency); next.After(now) {
			return Verdict{Reason: Digest, Until: next}
		}
	}
	at, why := now, None
	if r.PausedUntil.After(at) {
		at, why = r.PausedUntil, Paused
	}
	if m.Local != nil {
		if local := m.Local.in(zone); local.After(at) {
			at, why = local, LocalHour
		}
	}
	if end := quiet.end(at, zone); end.After(at) {
		at, why = end, QuietHours
	}
	if why != None {
		return Verdict{Reason: why, Until: at}
	}
	return Verdict{Closes: quiet.begin(now, zone)}
}
