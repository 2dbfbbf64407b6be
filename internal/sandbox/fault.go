package sandbox

import (
	"fmt"
	"math"
	"time"
)

// The providers faults are injected into.
const (
	ProviderSES     = "ses"
	ProviderSMTP    = "smtp"
	ProviderSlack   = "slack"
	ProviderDiscord = "discord"
	ProviderWebhook = "webhook"
)

// Providers lists every provider.
func Providers() []string {
	return []string{ProviderSES, ProviderSMTP, ProviderSlack, ProviderDiscord, ProviderWebhook}
}

// Kind says whether trying again can help.
type Kind string

// The kinds of injected error, as each provider answers them.
const (
	// Transient errors are 5xx over HTTP and 451 4.3.0 over SMTP.
	Transient Kind = "transient"
	// Permanent errors are SES 400 MessageRejected, SMTP 550 5.1.1, Slack channel_not_found, Discord
	// 10003 (Unknown Channel) or 10015 (Unknown Webhook), webhook 410.
	Permanent Kind = "permanent"
)

// Outage says how a provider is down.
type Outage string

// The outages.
const (
	// Up is no outage.
	Up Outage = ""
	// Unavailable answers 503, or 421 over SMTP.
	Unavailable Outage = "unavailable"
	// HangUp closes the connection without a word: before the greeting over SMTP, before an answer over
	// HTTP. Nothing is recorded, though an HTTP client cannot know that.
	HangUp Outage = "hang-up"
)

// Fault is what goes wrong with a provider. The zero value is a provider that works. Chances are drawn
// in order of arrival from the seed: the n-th request under a fault meets the same fate every time.
type Fault struct {
	// Match limits the fault to recipients (addresses, channels, hook paths) that contain it; "" is all.
	Match string `json:"match,omitempty"`
	// Latency is added before each answer, and a uniform share of Jitter. The request is carried out
	// even if the client has stopped waiting, as with a real provider.
	// In JSON both are text: "250ms".
	Latency time.Duration `json:"-"`
	Jitter  time.Duration `json:"-"`
	// RatePerSecond throttles what exceeds it; 0 is no limit. Burst is how many may come at once; 0
	// means one second's worth.
	RatePerSecond float64 `json:"rate_per_second,omitzero"`
	Burst         int     `json:"burst,omitzero"`
	// ErrorRatio is the share of requests, 0 to 1, that fail with ErrorKind ("" is Transient).
	ErrorRatio float64 `json:"error_ratio,omitzero"`
	ErrorKind  Kind    `json:"error_kind,omitempty"`
	// DropRatio is the share of accepted requests, 0 to 1, that are recorded without the client being
	// told: the connection closes with no answer.
	DropRatio float64 `json:"drop_ratio,omitzero"`
	Outage    Outage  `json:"outage,omitempty"`
	// AtRecipient makes SMTP answer at RCPT TO, not after the data. What channel the mail belongs to
	// is not known then: such a refusal is counted under email.
	AtRecipient bool   `json:"at_recipient,omitempty"`
	Seed        uint64 `json:"seed,omitzero"`
}

// Works says whether the fault leaves everything as it is; such a one shields its recipients from the
// faults after it.
func (f Fault) Works() bool {
	return f.Latency == 0 && f.Jitter == 0 && f.RatePerSecond == 0 && f.ErrorRatio == 0 && f.DropRatio == 0 && f.Outage == Up
}

// check refuses faults that mean nothing.
func (f Fault) check() error {
	for name, ratio := range map[string]float64{"error_ratio": f.ErrorRatio, "drop_ratio": f.DropRatio} {
		if !(ratio >= 0 && ratio <= 1) {
			return fmt.Errorf("%s is %v, not between 0 and 1", name, ratio)
		}
	}
	switch {
	case f.Latency < 0 || f.Jitter < 0:
		return fmt.Errorf("latency %v and jitter %v must not be negative", f.Latency, f.Jitter)
	case !(f.RatePerSecond >= 0) || math.IsInf(f.RatePerSecond, 0) || f.Burst < 0:
		return fmt.Errorf("rate_per_second %v and burst %d must not be negative", f.RatePerSecond, f.Burst)
	case f.ErrorKind != "" && f.ErrorKind != Transient && f.ErrorKind != Permanent:
		return fmt.Errorf("error_kind %q is neither %q nor %q", f.ErrorKind, Transient, Permanent)
	case f.Outage != Up && f.Outage != Unavailable && f.Outage != HangUp:
		return fmt.Errorf("outage %q is neither %q nor %q", f.Outage, Unavailable, HangUp)
	}
	return nil
}

// outcome is what a provider does with a request.
type outcome uint8

const (
	accepted outcome = iota
	throttled
	failed   // trying again may help
	rejected // trying again is no use
	down
	hungUp
)

// verdict is an outcome with what the answer needs to say.
type verdict struct {
	outcome outcome
	delay   time.Duration
	drop    bool // record, then close without an answer
	quota   quota
}

// judge draws the request's fate. Every request takes the same number of draws, so that one decision
// does not shift the next.
func (f *injected) judge(now time.Time) verdict {
	wait, fail, drop := f.chance.Float64(), f.chance.Float64(), f.chance.Float64()
	v := verdict{delay: f.Latency + time.Duration(wait*float64(f.Jitter))}
	switch f.Outage {
	case HangUp:
		v.outcome = hungUp
		return v
	case Unavailable:
		v.outcome = down
		return v
	case Up:
	}
	var allowed bool
	v.quota, allowed = f.bucket.take(now)
	switch {
	case !allowed:
		v.outcome = throttled
	case fail < f.ErrorRatio && f.ErrorKind == Permanent:
		v.outcome = rejected
	case fail < f.ErrorRatio:
		v.outcome = failed
	default:
		v.drop = drop < f.DropRatio
	}
	return v
}
