// Package reputation watches how mail is received. A sender whose mail bounces or is called spam too often is not believed
// any more, by providers (Amazon SES reviews and then stops an account) or by receivers. So what bounces again and again is
// given up, and a publication that is received badly is paused before all of it is sent.
package reputation

import (
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// Policy is what operators hold bounces and complaints against.
type Policy struct {
	// SoftBounces is after how many publications that bounced softly an address is suppressed; 0: never.
	SoftBounces int
	// SoftDays is how many days there are at least between the first and the last of them.
	SoftDays int
	// MinSample is of how many recipients of a publication on a channel something must be known before it is judged.
	MinSample int
	// MaxBounces is the part of mail that may bounce for good, MaxComplaints that of delivered mail that may be called
	// spam; both more than 0 and at most 1.
	MaxBounces, MaxComplaints float64
	// Pause says whether a publication that exceeds one of them is paused.
	Pause     bool
	Version   int
	UpdatedAt time.Time
}

// Bounds of a policy.
const (
	maxSoftBounces = 100
	// maxSoftDays is how long soft bounces are kept.
	maxSoftDays = 30
	minSample   = 10
	maxSample   = 1_000_000
)

// Check returns the policy, or Invalid with a pointer for each field that is out of bounds.
func (p Policy) Check() (Policy, error) {
	var f fault.Fields
	if p.SoftBounces < 0 || p.SoftBounces > maxSoftBounces {
		f.Add("/soft_bounces", "out_of_range", "must be 0 to %d", maxSoftBounces)
	}
	if p.SoftDays < 0 || p.SoftDays > maxSoftDays {
		f.Add("/soft_days", "out_of_range", "must be 0 to %d: soft bounces are kept no longer", maxSoftDays)
	}
	if p.MinSample < minSample || p.MinSample > maxSample {
		f.Add("/min_sample", "out_of_range", "must be %d to %d", minSample, maxSample)
	}
	checkRate(&f, "/max_bounce_rate", p.MaxBounces)
	checkRate(&f, "/max_complaint_rate", p.MaxComplaints)
	return p, f.Err()
}

func checkRate(f *fault.Fields, pointer string, rate float64) {
	if !(rate > 0 && rate <= 1) { // which NaN is not either
		f.Add(pointer, "out_of_range", "must be more than 0 and at most 1")
	}
}
