package reputation

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Cause is what mail was received with.
type Cause string

// The causes.
const (
	Bounces    Cause = "bounces"
	Complaints Cause = "complaints"
)

// Causes are all of them.
func Causes() []Cause { return []Cause{Bounces, Complaints} }

// Counts are of recipients of whom it is known what became of the mail.
type Counts struct {
	Delivered, Bounced, Complained, SoftBounced int64
}

// Less is the counts without those of before.
func (c Counts) Less(before Counts) Counts {
	return Counts{c.Delivered - before.Delivered, c.Bounced - before.Bounced, c.Complained - before.Complained, c.SoftBounced - before.SoftBounced}
}

// Of is how many were bad for a cause, of how many. What is still on the way counts for neither: a rate of what was sent
// would be too low for as long as somebody is sent to.
func (c Counts) Of(cause Cause) (bad, judged int64) {
	if cause == Complaints {
		return c.Complained, max(c.Delivered, c.Complained)
	}
	return c.Bounced, c.Delivered + c.Bounced
}

// Rate is the part that was bad for a cause, 0 if nothing is known.
func (c Counts) Rate(cause Cause) float64 {
	bad, judged := c.Of(cause)
	if judged == 0 {
		return 0
	}
	return float64(bad) / float64(judged)
}

// Limit is the rate that a cause may have.
func (p Policy) Limit(cause Cause) float64 {
	if cause == Complaints {
		return p.MaxComplaints
	}
	return p.MaxBounces
}

// Chance is how probable at most it may be that a publication is taken for worse than its limit which is not. It is small,
// since one publication is looked at again and again.
const Chance = 0.001

// Exceeds reports whether so many bad ones show a rate above the limit: a publication at the very limit would have as many or
// more by chance once in 1/Chance times (the exact test of a binomial proportion). So few people who complain early stop
// nothing, and a large audience is judged by little more than the rate itself.
func (p Policy) Exceeds(cause Cause, c Counts) bool {
	bad, judged := c.Of(cause)
	return judged >= int64(p.MinSample) && asMany(bad, judged, p.Limit(cause)) <= Chance
}

// asMany is the probability of k or more among n of which each is bad with probability p, 0 < p. Where k is no more than what
// is to be expected it is said to be 1: nobody needs to know it better.
func asMany(k, n int64, p float64) float64 {
	if float64(k) <= float64(n)*p {
		return 1
	}
	choose := func(x int64) float64 { l, _ := math.Lgamma(float64(x) + 1); return l }
	term := math.Exp(choose(n) - choose(k) - choose(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	sum := 0.0
	for i := k; i <= n && term > sum*1e-12; i++ { // beyond what is to be expected, terms only become smaller
		sum += term
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
	}
	return sum
}

// Paused is a publication that was paused for how it was received on a channel.
type Paused struct {
	Publication ident.UID
	Channel     string
	Cause       Cause
	// Bad of Judged is what was known then.
	Bad, Judged int64
	At          time.Time
	// ResumedAt is when somebody resumed it nevertheless; nil: it is paused.
	ResumedAt *time.Time
}

// Text is why the publication is paused, for people.
func (p Paused) Text(limit float64) string {
	what := "bounced for good"
	if p.Cause == Complaints {
		what = "were called spam"
	}
	return fmt.Sprintf("Paused: %d of %d mails (%s) %s, more than %s. Resume it to accept that.", p.Bad, p.Judged,
		percent(float64(p.Bad)/float64(p.Judged)), what, percent(limit))
}

// percent is a rate with two significant digits.
func percent(rate float64) string {
	return strconv.FormatFloat(rate*100, 'g', 2, 64) + " %"
}

// Domain is what became of mail to one domain.
type Domain struct {
	Name string
	Counts
}

// Window is what became of all mail in the last hours.
type Window struct {
	Name  string
	Hours int
	Counts
}

// Windows are those that are watched, without counts: Amazon SES looks at a "representative volume", which for most is some
// days; a day shows what happens now.
func Windows() []Window { return []Window{{Name: "24h", Hours: 24}, {Name: "7d", Hours: 7 * 24}} }
