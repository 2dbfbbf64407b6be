package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/provider/ses/events"
)

const topic = "arn:aws:sns:eu-west-1:000000000000:events"

// TestWaysOfFeedback are those that the settings name.
func TestWaysOfFeedback(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change     func(*config.Config)
		hook, poll bool
		err        string
	}{
		"none":   {func(*config.Config) {}, false, false, ""},
		"topics": {func(c *config.Config) { c.SESEventsTopics = []string{topic} }, true, false, ""},
		"a stand-in": {func(c *config.Config) {
			c.SESEventsTopics, c.SESEventsStandin = []string{topic}, "http://127.0.0.1:1/sns/"
		}, true, false, ""},
		"a queue": {func(c *config.Config) {
			c.SESEventsQueue = "https://sqs.eu-west-1.amazonaws.com/000000000000/events"
		}, false, true, ""},
		"no queue's address": {func(c *config.Config) { c.SESEventsQueue = "nonsense" }, false, false, "PRESSWORK_SES_EVENTS_QUEUE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := migrated(t)
			tc.change(c)
			a, err := Open(t.Context(), c, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			hook, err := a.addFeedback(t.Context())
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v", err)
				}
			} else if err != nil || (hook != nil) != tc.hook {
				t.Errorf("the hook is %v, %v", hook, err)
			}
			polls := slices.ContainsFunc(a.parts, func(p part) bool { return p.name == "poller of SES's events" })
			if polls != tc.poll {
				t.Errorf("it polls: %t", polls)
			}
			if hook != nil {
				if err := hook.Receive(t.Context(), []byte("nonsense")); !fault.Is(err, fault.Malformed) {
					t.Errorf("a post of nonsense: %v", err)
				}
			}
			if _, err := a.addFeedback(t.Context()); err == nil || !strings.Contains(err.Error(), "counts of feedback") {
				t.Errorf("a second time: %v", err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFeedbackIsCounted by what became of it; what could not be stored is told, and has to come again.
func TestFeedbackIsCounted(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.WarnLevel)
	c := migrated(t)
	c.SESEventsTopics = []string{topic}
	a, err := Open(t.Context(), c, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	hook, err := a.addFeedback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	taker := hook.(*events.Hook).Taker
	one := []feedback.Event{{Key: feedback.NewKey("one"), Kind: feedback.Delivered, Publication: ident.New(), Channel: "email", Recipient: 1,
		At: time.Now(), Source: "ses"}}
	if err := taker.Take(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if text := scrape(a.Metrics); strings.Count(text, `presswork_feedback_events_total{kind="delivered",result="`) != 1 {
		t.Errorf("it is not counted:\n%s", text)
	}
	a.db.Close()
	if err := taker.Take(t.Context(), one); !fault.Is(err, fault.Unavailable) || fault.CodeOf(err) != "feedback_not_stored" {
		t.Errorf("with PostgreSQL away: %v", err)
	}
	if logs.FilterMessage("feedback").Len() != 1 {
		t.Errorf("the log says %v", logs.All())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
