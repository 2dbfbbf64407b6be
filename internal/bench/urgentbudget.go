package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presswork/presswork/client"
	types "github.com/presswork/presswork/client/api"
)

// budget is the provider's, in messages a second: the send rate of many an SES account in production.
const budget = 14

// underBudget limits the channel to the budget, starts a bulk run that would take hours, and publishes urgent ones at
// random moments. The bulk run is cancelled in the end.
func (c *contest) underBudget(ctx context.Context) (Line, error) {
	if err := c.limitTo(ctx, budget); err != nil {
		return Line{}, err
	}
	if err := c.slow(ctx, latency); err != nil {
		return Line{}, err
	}
	bulk, err := c.api.Publish(ctx, mailing(c.contents))
	if err != nil {
		return Line{}, err
	}
	begun := time.Now()
	all := make([]*posted, c.size.urgent)
	group, posting := errgroup.WithContext(ctx)
	for i := range all {
		all[i] = &posted{}
		moment, request := time.Duration(c.chance.Int64N(int64(c.size.budgeted))), c.request()
		group.Go(func() error {
			if err := wait(posting, moment); err != nil {
				return err
			}
			return c.post(posting, request, all[i])
		})
	}
	if err := group.Wait(); err != nil {
		return Line{}, err
	}
	took, err := c.latencies(ctx, all)
	if err != nil {
		return Line{}, err
	}
	seen, err := c.seen(ctx)
	if err != nil {
		return Line{}, err
	}
	lasted := time.Since(begun)
	rate := float64(seen[bulk.ID].Received+int64(len(all)*urgentReaders)) / lasted.Seconds()
	c.logf("budget of %d/s: %.1f messages/s in all, the slowest urgent publication after %v", budget, rate, slices.Max(took).Round(time.Millisecond))
	if err := c.cancel(ctx, bulk.ID); err != nil {
		return Line{}, err
	}
	times := newLatency(took)
	return Line{
		Name: fmt.Sprintf("urgent.p99.%dps", budget), Value: times.P99, Unit: "ms", Latency: times,
		Limit: &Limit{rounded(1000*(urgentReaders-1)/float64(budget), 1), fmt.Sprintf("reckoned: nine more messages at %d/s after the first", budget)},
		Note: fmt.Sprintf("%d publications to %d people each at random moments of %v, from the request to the last of the ten messages at "+
			"the provider; the channel's rate is %d/s and a bulk run to %d readers takes all that is left of it: %.1f messages/s were sent "+
			"in all; default settings, one worker", len(all), urgentReaders, c.size.budgeted, budget, c.BulkReaders, rate),
	}, nil
}

// limitTo sets the rate of the e-mail channel.
func (c *contest) limitTo(ctx context.Context, perSecond int) error {
	page, err := c.api.ListChannels(ctx, types.ListChannelsParams{})
	if err != nil {
		return err
	}
	if len(page.Items) != 1 {
		return fmt.Errorf("there are %d channels", len(page.Items))
	}
	one := page.Items[0]
	_, err = c.api.UpdateChannel(ctx, one.ID, types.ChannelInput{
		Kind: types.ChannelKindEmail, Provider: one.Provider, Name: one.Name, Settings: map[string]string{"rate": strconv.Itoa(perSecond)},
	}, client.IfVersion(one.Version))
	return err
}

// cancel ends a publication, unless it has ended, and waits until it has.
func (c *contest) cancel(ctx context.Context, id string) error {
	_, err := c.api.CancelPublication(ctx, id)
	var p *client.Problem
	if err != nil && (!errors.As(err, &p) || p.Status != http.StatusConflict) {
		return err
	}
	_, err = client.Last(c.api.Watch(ctx, id, time.Second/2), func(types.Progress) {})
	return err
}
