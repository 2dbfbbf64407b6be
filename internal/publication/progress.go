package publication

import "time"

// Counts is how far a publication is on one channel. A batch that is under way counts as sending as a whole.
type Counts struct {
	Channel                          int16 // id of the channel kind
	Sent, Failed, Skipped, Uncertain int64
	// Sending is in the hands of a worker, Pending waits for one.
	Sending, Pending int64
	// Deferred is put off until a time of its own.
	Deferred int64
}

// Settled is how many nothing more will be done for.
func (c Counts) Settled() int64 { return c.Sent + c.Failed + c.Skipped + c.Uncertain }

// Total is how many recipients were expanded so far.
func (c Counts) Total() int64 { return c.Settled() + c.Sending + c.Pending + c.Deferred }

func (c Counts) plus(d Counts) Counts {
	return Counts{
		Sent: c.Sent + d.Sent, Failed: c.Failed + d.Failed, Skipped: c.Skipped + d.Skipped, Uncertain: c.Uncertain + d.Uncertain,
		Sending: c.Sending + d.Sending, Pending: c.Pending + d.Pending,
		Deferred: c.Deferred + d.Deferred,
	}
}

// Progress is how far a publication is. The counts of a final state are exact; before that a batch (about
// 200 recipients) counts when it is closed.
type Progress struct {
	State State
	// FanoutDone says that the totals are final: everybody in the audience was expanded.
	FanoutDone bool
	Channels   []Counts
	StartedAt  *time.Time
	// NextDue is when the first of those that are deferred is looked at again; nil: nobody is.
	NextDue *time.Time
	// Ended is when it was completed or cancelled, Now the database's clock when it was counted.
	Ended *time.Time
	Now   time.Time
	// Window is the time that Rate is over; zero: nobody noted a Pace, and it is over the time since the start.
	Window time.Duration
	rate   float64
}

// All is the sum over the channels; its Channel is 0.
func (p Progress) All() Counts {
	var sum Counts
	for _, c := range p.Channels {
		sum = sum.plus(c)
	}
	return sum
}

// Rate is how many recipients were settled a second over the Window, 0 before sending started.
func (p Progress) Rate() float64 {
	if p.Window > 0 {
		return p.rate
	}
	rate, _ := sinceStart(&p)
	return rate
}

func sinceStart(p *Progress) (rate float64, window time.Duration) {
	if p.StartedAt == nil {
		return 0, 0
	}
	end := p.Now
	if p.Ended != nil {
		end = *p.Ended
	}
	// Below a second a rate says more about the clock than about the sending.
	window = max(end.Sub(*p.StartedAt), time.Second)
	return float64(p.All().Settled()) / window.Seconds(), window
}

// Remaining is how long the rest will take at the present rate. It is not known before the totals are, when
// nothing was settled yet, while somebody is deferred, or while the publication does not send.
func (p Progress) Remaining() (time.Duration, bool) {
	rate, all := p.Rate(), p.All()
	if p.State != Sending || !p.FanoutDone || rate <= 0 || all.Deferred > 0 {
		return 0, false
	}
	return time.Duration(float64(all.Sending+all.Pending) / rate * float64(time.Second)), true
}
