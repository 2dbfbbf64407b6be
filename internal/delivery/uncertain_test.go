package delivery

import (
	"testing"
	"time"

	"github.com/presswork/presswork/internal/backoff"
)

func TestDoubt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		doubt Doubt
		now   bool
		wait  time.Duration
	}{
		"bulk mail":             {Doubt{Kind: "email", Provider: "smtp", Age: time.Hour}, false, 0},
		"transactional":         {Doubt{Kind: "email", Provider: "smtp", Transactional: true, Age: SettleTime}, true, 0},
		"too early":             {Doubt{Kind: "email", Provider: "smtp", Transactional: true, Age: 50 * time.Second}, false, 5 * time.Second},
		"webhook":               {Doubt{Kind: "webhook", Provider: "webhook", Age: time.Hour}, true, 0},
		"webhook, stood in for": {Doubt{Kind: "webhook", Provider: "webhook", StandIn: true, Age: time.Hour}, false, 0},
		"webhook, set":          {Doubt{Kind: "webhook", Provider: "webhook", StandIn: true, Setting: Resend, Age: time.Hour}, true, 0},
		"Discord, stood in for": {Doubt{Kind: "discord", Provider: "discord", StandIn: true, Age: time.Minute}, false, 0},
		"slack":                 {Doubt{Kind: "slack", Provider: "slack", Age: time.Hour}, false, 0},
		"resent":                {Doubt{Kind: "slack", Provider: "slack", Setting: Resend, Age: time.Hour, Resends: 1}, false, 0},
		"webhook, resent":       {Doubt{Kind: "webhook", Provider: "webhook", Age: time.Hour, Resends: 2}, true, 0},
		"webhook, for days":     {Doubt{Kind: "webhook", Provider: "webhook", Age: 80 * time.Hour, Resends: 9}, false, 0},
		"webhook, stand-in":     {Doubt{Kind: "webhook", Provider: "webhook", StandIn: true, Setting: Resend, Age: time.Hour, Resends: 1}, false, 0},
		"nothing to send by":    {Doubt{Kind: "webhook", Age: time.Hour}, false, 0},
		"set to resend":         {Doubt{Kind: "email", Provider: "smtp", Setting: Resend, Age: time.Minute}, true, 0},
		"set to hold":           {Doubt{Kind: "webhook", Provider: "webhook", Setting: Hold, Age: time.Hour}, false, 0},
		"hold, transactional":   {Doubt{Kind: "email", Provider: "ses", Setting: Hold, Transactional: true, Age: time.Hour}, false, 0},
		"SES":                   {Doubt{Kind: "email", Provider: "ses", Setting: Resend, Age: time.Minute}, false, sesWait - time.Minute},
		"SES in the end":        {Doubt{Kind: "email", Provider: "ses", Setting: Resend, Age: sesWait}, true, 0},
		"SES, transactional":    {Doubt{Kind: "email", Provider: "ses", Transactional: true, Age: SettleTime}, true, 0},
		"Discord":               {Doubt{Kind: "discord", Provider: "discord", Age: time.Minute}, true, 0},
		"Discord, forgotten":    {Doubt{Kind: "discord", Provider: "discord", Age: 3 * time.Minute}, false, 0},
		"Discord, just in time": {Doubt{Kind: "discord", Provider: "discord", Age: time.Minute, First: nonceTime - callTimeout}, true, 0},
		"Discord, too late":     {Doubt{Kind: "discord", Provider: "discord", Age: time.Minute, First: nonceTime - callTimeout + 1}, false, 0},
		"Discord, long dead":    {Doubt{Kind: "discord", Provider: "discord", Age: time.Minute, First: 3 * time.Minute}, false, 0},
		"Discord, set":          {Doubt{Kind: "discord", Provider: "discord", Setting: Resend, Age: 3 * time.Minute}, true, 0},
		"Discord has no nonce":  {Doubt{Kind: "discord", Provider: "discord-webhook", Age: time.Minute}, false, 0},
		"Discord is waited for": {Doubt{Kind: "discord", Provider: "discord", Age: time.Second}, false, SettleTime - time.Second},
	} {
		if now, wait := tc.doubt.Resend(); now != tc.now || wait != tc.wait {
			t.Errorf("%s: %t, %v, want %t, %v", name, now, wait, tc.now, tc.wait)
		}
	}
}

// TestSilenceOfADay: an endpoint that takes webhooks and does not answer is tried again over days, as one that fails.
func TestSilenceOfADay(t *testing.T) {
	t.Parallel()
	var all time.Duration
	d := Doubt{Kind: "webhook", Provider: "webhook"}
	for {
		d.Age = 0
		_, wait := d.Resend()
		if wait == 0 {
			break
		}
		if wait < SettleTime {
			t.Errorf("%v before evidence had its time", wait)
		}
		d.Age = 24 * time.Hour // longer than any wait
		if now, _ := d.Resend(); !now {
			t.Errorf("not after %v, having been resent %d times", d.Age, d.Resends)
		}
		all += wait
		d.Resends++
	}
	if d.Resends != backoff.WebhookAttempts-1 || all < 60*time.Hour {
		t.Errorf("%d times over %v", d.Resends, all)
	}
}

// TestExpires: only who is resent because of a nonce is so for a while.
func TestExpires(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		doubt Doubt
		left  time.Duration
		ends  bool
	}{
		"Discord":                {Doubt{Provider: "discord", Age: time.Minute}, nonceTime - callTimeout - time.Minute, true},
		"Discord, sent earlier":  {Doubt{Provider: "discord", Age: time.Minute, First: 90 * time.Second}, 20 * time.Second, true},
		"Discord, set":           {Doubt{Provider: "discord", Setting: Resend}, 0, false},
		"Discord, transactional": {Doubt{Provider: "discord", Transactional: true}, 0, false},
		"webhook":                {Doubt{Kind: "webhook", Provider: "webhook"}, 0, false},
	} {
		if left, ends := tc.doubt.Expires(); ends != tc.ends || ends && left != tc.left {
			t.Errorf("%s: %v, %t", name, left, ends)
		}
	}
}
