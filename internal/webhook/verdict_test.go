package webhook_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/backoff"
	"github.com/presswork/presswork/internal/webhook"
)

const day = 24 * time.Hour

// half is a schedule without chance: one try and two retries.
func half(attempts int) (time.Duration, bool) {
	return time.Duration(attempts) * time.Minute, attempts < 3
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  webhook.Answer
		step    int
		failing time.Duration
		want    webhook.Verdict
	}{
		"accepted":         {webhook.Answer{Status: 200}, 2, 9 * day, webhook.Verdict{State: webhook.Delivered}},
		"no content":       {webhook.Answer{Status: 204}, 0, 0, webhook.Verdict{State: webhook.Delivered}},
		"accepted, later":  {webhook.Answer{Status: 202, Told: true, RetryAfter: day}, 0, 0, webhook.Verdict{State: webhook.Delivered}},
		"gone":             {webhook.Answer{Status: 410}, 0, 0, webhook.Verdict{State: webhook.Failed, Step: 1, Disable: webhook.Gone}},
		"gone after days":  {webhook.Answer{Status: 410, Told: true}, 1, 9 * day, webhook.Verdict{State: webhook.Failed, Step: 2, Disable: webhook.Gone}},
		"error":            {webhook.Answer{Status: 500}, 0, 0, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute}},
		"no answer":        {webhook.Answer{Error: "no connection"}, 1, 0, webhook.Verdict{State: webhook.Pending, Step: 2, Wait: 2 * time.Minute}},
		"the last":         {webhook.Answer{Status: 500}, 2, 0, webhook.Verdict{State: webhook.Failed, Step: 3}},
		"a redirect":       {webhook.Answer{Status: 307}, 0, 0, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute}},
		"not known":        {webhook.Answer{Status: 404}, 2, 0, webhook.Verdict{State: webhook.Failed, Step: 3}},
		"limited":          {webhook.Answer{Status: 429}, 2, 0, webhook.Verdict{State: webhook.Pending, Step: 2, Wait: 10 * time.Second, Hold: 10 * time.Second}},
		"limited, told":    {webhook.Answer{Status: 429, Told: true, RetryAfter: time.Hour}, 0, 0, webhook.Verdict{State: webhook.Pending, Wait: time.Hour, Hold: time.Hour}},
		"limited, at once": {webhook.Answer{Status: 429, Told: true}, 0, 0, webhook.Verdict{State: webhook.Pending, Wait: time.Second, Hold: time.Second}},
		"closed, told":     {webhook.Answer{Status: 503, Told: true, RetryAfter: 2 * time.Hour}, 2, 0, webhook.Verdict{State: webhook.Pending, Step: 2, Wait: 2 * time.Hour, Hold: 2 * time.Hour}},
		"closed":           {webhook.Answer{Status: 503}, 0, 0, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute}},
		"bad gateway":      {webhook.Answer{Status: 502}, 0, 0, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute, Hold: 30 * time.Second}},
		"gateway timeout":  {webhook.Answer{Status: 504}, 2, 0, webhook.Verdict{State: webhook.Failed, Step: 3, Hold: 30 * time.Second}},
		"four days":        {webhook.Answer{Status: 500}, 0, 5*day - 1, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute}},
		"five days":        {webhook.Answer{Status: 500}, 0, 5 * day, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute, Disable: webhook.Failing}},
		"five days of 429": {webhook.Answer{Status: 429}, 0, 6 * day, webhook.Verdict{State: webhook.Pending, Wait: time.Hour, Hold: time.Hour, Disable: webhook.Failing}},
		"minutes of 429":   {webhook.Answer{Status: 429, Told: true}, 0, 8 * time.Minute, webhook.Verdict{State: webhook.Pending, Wait: time.Minute, Hold: time.Minute}},
		"a told redirect":  {webhook.Answer{Status: 302, Told: true, RetryAfter: time.Hour}, 0, 0, webhook.Verdict{State: webhook.Pending, Step: 1, Wait: time.Minute}},
	} {
		if got := webhook.Judge(c.answer, c.step, c.failing, half); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func answers() *rapid.Generator[webhook.Answer] {
	return rapid.Custom(func(t *rapid.T) webhook.Answer {
		status := rapid.SampledFrom([]int{0, 200, 204, 301, 400, 404, 410, 425, 429, 500, 502, 503, 504, 599}).Draw(t, "status")
		a := webhook.Answer{Status: status}
		if status == 0 {
			a.Error = "no connection"
		} else if a.Told = rapid.Bool().Draw(t, "told"); a.Told {
			a.RetryAfter = time.Duration(rapid.Int64Range(0, int64(day)).Draw(t, "after"))
		}
		return a
	})
}

// TestEveryEventEnds posts one event again and again, whatever its endpoint answers: it is tried as often as the schedule says,
// not counting what it was told to wait for, and ends as it should.
func TestEveryEventEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		step, failures := 0, 0
		for range 200 {
			a := answers().Draw(t, "answer")
			v := webhook.Judge(a, step, 0, backoff.Webhook)
			waits := a.Status == 429 || a.Told && slices.Contains([]int{502, 503, 504}, a.Status)
			switch {
			case a.OK() != (v.State == webhook.Delivered):
				t.Fatalf("%+v is %s", a, v.State)
			case a.OK():
				return
			case a.Status == 410:
				if v.State != webhook.Failed || v.Disable != webhook.Gone {
					t.Fatalf("410: %+v", v)
				}
				return
			case waits:
				if v.State != webhook.Pending || v.Step != step || v.Wait < a.RetryAfter || v.Hold != v.Wait || v.Wait <= 0 {
					t.Fatalf("told to wait by %+v: %+v", a, v)
				}
				continue
			}
			failures++
			if v.Step != step+1 || (v.State == webhook.Failed) != (failures == backoff.WebhookAttempts) {
				t.Fatalf("failure %d: %+v", failures, v)
			}
			if v.State == webhook.Failed {
				return
			}
			if v.Wait <= 0 || v.Wait < v.Hold {
				t.Fatalf("waits %v, held %v", v.Wait, v.Hold)
			}
			step = v.Step
		}
	})
}

// TestFiveDays is an endpoint that never takes anything, with one event after the other: it is switched off after five days,
// and with the next attempt, a day later at most; and it was not asked all the time until then.
func TestFiveDays(t *testing.T) {
	t.Parallel()
	bad := answers().Filter(func(a webhook.Answer) bool { return !a.OK() && a.Status != 410 })
	rapid.Check(t, func(t *rapid.T) {
		one := bad.Draw(t, "answer")
		now, step := time.Duration(0), 0 // since the first failure
		for range 500 {
			v := webhook.Judge(one, step, now, backoff.Webhook)
			if v.Disable != "" {
				if v.Disable != webhook.Failing || now < webhook.DisableAfter || now > webhook.DisableAfter+day {
					t.Fatalf("%s after %v", v.Disable, now)
				}
				return
			}
			if step = v.Step; v.State == webhook.Failed {
				step, v.Wait = 0, time.Minute // another event
			}
			now += v.Wait
		}
		t.Fatalf("still on after %v of %+v", now, one)
	})
}
