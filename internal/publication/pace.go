package publication

import "time"

// PaceWindow is over how long a rate is taken. Counts move when a batch is given back, every five seconds at the latest: in
// less time they say more about that than about the sending.
const PaceWindow = 10 * time.Second

// paceStep is how far samples are apart at least.
const paceStep = time.Second

// Pace tells how fast a publication is sent, from looks at its progress. It needs two of them at least two seconds apart;
// times are the database's, so that looks through several processes agree. It is not safe for concurrent use.
type Pace struct{ samples []sample }

type sample struct {
	at      time.Time
	settled int64
}

// Add notes a look, and sets the look's rate: over the last ten seconds, or what was looked at of them; else since the
// publication was started.
func (p *Pace) Add(look *Progress) {
	now := sample{look.Now, look.All().Settled()}
	if n := len(p.samples); n > 0 && (now.settled < p.samples[n-1].settled || now.at.Before(p.samples[n-1].at)) {
		p.samples = p.samples[:0] // replayed, or another look was faster
	}
	for len(p.samples) > 1 && now.at.Sub(p.samples[1].at) >= PaceWindow {
		p.samples = p.samples[1:]
	}
	look.rate, look.Window = sinceStart(look)
	if len(p.samples) > 0 && look.Ended == nil {
		first := p.samples[0]
		if passed := now.at.Sub(first.at); passed >= 2*paceStep && passed < 2*PaceWindow {
			look.rate, look.Window = float64(now.settled-first.settled)/passed.Seconds(), passed
		}
	}
	if n := len(p.samples); n == 0 || now.at.Sub(p.samples[n-1].at) >= paceStep {
		p.samples = append(p.samples, now)
	}
}
