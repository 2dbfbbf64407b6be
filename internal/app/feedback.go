package app

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/httpapi"
	"github.com/presswork/presswork/internal/provider/ses/events"
)

// addFeedback adds what takes in SES's events: an intake, a poller if there is a queue, and the hook, nil if no topic may
// post.
func (a *App) addFeedback(ctx context.Context) (httpapi.SESHook, error) {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "presswork_feedback_events_total", Help: "What providers reported of mails they had accepted, by what became of it.",
	}, []string{"kind", "result"})
	if err := a.Metrics.Register(counts); err != nil {
		return nil, fmt.Errorf("register the counts of feedback: %w", err)
	}
	intake := feedback.NewIntake(a.db, feedback.Options{
		Observe: func(kind feedback.Kind, result feedback.Result) {
			counts.WithLabelValues(kind.String(), string(result)).Inc()
		},
		Notice: func(message string, err error) {
			a.Log.Warn("feedback", zap.String("notice", message), zap.Error(err))
		},
	})
	a.add(background("feedback", intake.Run))
	if a.Config.SESEventsQueue != "" {
		queue, err := events.OpenQueue(ctx, events.QueueOptions{
			URL: a.Config.SESEventsQueue, Taker: intake, Log: a.Log, Network: a.network(),
			Credentials: a.accessKey(),
		})
		if err != nil {
			return nil, fmt.Errorf("PRESSWORK_SES_EVENTS_QUEUE_URL: %w", err)
		}
		a.add(background("poller of SES's events", queue.Run))
	}
	if len(a.Config.SESEventsTopics) == 0 {
		return nil, nil //nolint:nilnil // no hook
	}
	trust := events.Amazon()
	if a.Config.SESEventsStandin != "" && !a.Config.Production() {
		trust = events.Standin(a.Config.SESEventsStandin)
	}
	return events.NewHook(events.HookOptions{Topics: a.Config.SESEventsTopics, Trust: trust, Taker: intake, Log: a.Log}), nil
}
