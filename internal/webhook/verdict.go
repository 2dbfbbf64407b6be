package webhook

import (
	"net/http"
	"time"

	"github.com/presswork/presswork/internal/backoff"
)

// DisableAfter is how long an endpoint may do nothing but fail before it is switched off.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
const DisableAfter = 5 * 24 * time.Hour

// How long an endpoint that asks for less, and not for how long, is left alone: told so (429), or by what stands in front
// of it (502, 504).
const (
	holdLimited = 10 * time.Second
	holdBroken  = 30 * time.Second
)

// An endpoint that goes on asking for less is asked less and less often: after a while of doing so at most once in an eighth of
// that, and once an hour in the end. Being told to wait uses nothing up, so nothing else would bound how often it is asked.
const (
	holdShare = 8
	mostShare = time.Hour
)

// Verdict is what an answer means.
type Verdict struct {
	State State
	// Step is how many attempts of the schedule are used up.
	Step int
	// Wait is how long until the next attempt of a Pending one.
	Wait time.Duration
	// Hold is how long nothing at all is to be posted to the endpoint; 0: that goes on.
	Hold time.Duration
	// Disable: the endpoint is to be switched off, and why. Of Failing the record has the last word: somebody else may have
	// had a success meanwhile.
	Disable Reason
}

// Judge says what becomes of an event after an attempt, of which there were step in this schedule before, at an endpoint that
// has done nothing but fail for so long (0: this is the first failure).
//
//   - 2xx is delivered.
//   - 410 ends it: the endpoint wants nothing any more.
//   - 429, and 502, 503 and 504 with Retry-After, hold the whole endpoint for as long as they ask for, and use up nothing: being
//     told to wait is no failure of the event. An endpoint that never says anything else is switched off in the end.
//   - 502 and 504 alone hold the endpoint as well, and use an attempt up.
//   - Everything else, redirects among them, uses an attempt up. After the last one the event has failed.
func Judge(a Answer, step int, failing time.Duration, schedule backoff.Schedule) Verdict {
	switch {
	case a.OK():
		return Verdict{State: Delivered}
	case a.Status == http.StatusGone:
		return Verdict{State: Failed, Step: step + 1, Disable: Gone}
	}
	v := Verdict{State: Pending, Step: step}
	if failing >= DisableAfter {
		v.Disable = Failing
	}
	if wait, told := waitOf(a); told {
		v.Hold = max(wait, min(failing/holdShare, mostShare))
		v.Wait = v.Hold
		return v
	}
	if a.Status == http.StatusBadGateway || a.Status == http.StatusGatewayTimeout {
		v.Hold = holdBroken
	}
	v.Step++
	wait, again := schedule(v.Step)
	if !again {
		v.State, v.Wait = Failed, 0
		return v
	}
	v.Wait = max(wait, v.Hold)
	return v
}

// waitOf is how long an answer asks to be left alone, if that is what it does.
func waitOf(a Answer) (time.Duration, bool) {
	switch a.Status {
	case http.StatusTooManyRequests:
		if !a.Told {
			return holdLimited, true
		}
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if !a.Told {
			return 0, false
		}
	default:
		return 0, false
	}
	return max(a.RetryAfter, time.Second), true // who says 0 would be asked again at once, and say so again
}
