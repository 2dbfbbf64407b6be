package worker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
)

// quotaPeriod is how often providers are asked what they allow: Amazon SES lets GetAccount be called once a second, by
// all processes of an account together.
const quotaPeriod = time.Minute

// quotaPatience bounds one such question.
const quotaPatience = 10 * time.Second

// Quotas asks the providers that tell what they allow, and passes it on.
type Quotas struct {
	Outlets *Outlets
	// Note is told of each answer.
	Note func(ctx context.Context, c channel.Channel, q channel.Quota) error
	Log  *zap.Logger
}

// Run asks at once and then every minute, until ctx ends.
func (q *Quotas) Run(ctx context.Context) {
	tick := time.NewTicker(quotaPeriod)
	defer tick.Stop()
	for {
		q.ask(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (q *Quotas) ask(ctx context.Context) {
	list, err := q.Outlets.all(ctx)
	if err != nil {
		q.Log.Info("quotas not asked for", zap.Error(err))
		return
	}
	for _, o := range list {
		quoter, ok := o.sender.(channel.Quoter)
		if !ok {
			continue
		}
		if err := q.one(ctx, o, quoter); err != nil && ctx.Err() == nil {
			q.Log.Warn("quota not known", zap.String("channel", o.Name), zap.Error(err))
		}
	}
}

func (q *Quotas) one(ctx context.Context, o *outlet, quoter channel.Quoter) error {
	ctx, cancel := context.WithTimeout(ctx, quotaPatience)
	defer cancel()
	quota, err := quoter.Quota(ctx)
	if err != nil {
		return err
	}
	return q.Note(ctx, o.Channel, quota)
}
