package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/presswork/presswork/client"
	types "github.com/presswork/presswork/client/api"
)

// eligibilityCost measures what it costs for each reader to look at quiet hours, in their own time zones, and at caps, where a
// delivery is made and before it is sent: the CPU of a mail with a policy that holds nobody back, less that of one without. Runs
// go in pairs, of which now one and now the other is first: what the machine does beside them, and how it changes, falls on both.
func eligibilityCost(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers", r.size.mails)
	if err := s.seed(ctx, r.size.mails); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return Line{}, err
	}
	if err := s.lately(ctx, contents, 2*r.size.pairs); err != nil {
		return Line{}, err
	}
	var without, with, more []float64
	for i := range r.size.pairs {
		var pair [2]float64 // without and with, in turn first
		for n := range pair {
			held := (n + i) % 2
			if pair[held], err = eligibilityRun(ctx, r, s, contents, held == 1); err != nil {
				return Line{}, err
			}
		}
		without, with, more = append(without, pair[0]), append(with, pair[1]), append(more, pair[1]-pair[0])
	}
	mean, margin := within(more)
	return Line{Value: max(0, rounded(mean, 1)), Unit: "us of CPU for each recipient", Runs: append(without, with...),
		Note: fmt.Sprintf("the mean of %d differences, %.1f, and 95 %% of such measurements are at most %.1f from the truth: runs of %d messages with "+
			"quiet hours and two caps less such without; runs are those without, then those with", len(more), mean, margin, r.size.mails)}, nil
}

// eligibilityRun sends to everybody and is the CPU that a message took, in us; 0 where it cannot be measured.
func eligibilityRun(ctx context.Context, r *runner, s *system, contents []string, rules bool) (float64, error) {
	policy := types.DeliveryPolicyInput{}
	if rules {
		policy = nobodyHeld(time.Now(), 2*r.size.pairs)
	}
	if _, err := s.api.PutDeliveryPolicy(ctx, policy, client.IfMatch("*")); err != nil {
		return 0, err
	}
	one := run{units: r.size.mails}
	var err error
	one.used, err = s.using(ctx, func(ctx context.Context) error {
		one.took, err = s.send(ctx, contents, r.size.mails)
		return err
	})
	cost := newCost(one)
	if err != nil || cost == nil {
		return 0, err
	}
	r.logf("%.0f messages/s, %.1f us of CPU each, with rules: %t", one.rate(), cost.Sum, rules)
	return cost.Sum, nil
}

// lately sends so many publications to one reader: as many as each of the others may get have been published.
func (s *system) lately(ctx context.Context, contents []string, publications int) error {
	page, err := s.api.ListSubscribers(ctx, types.ListSubscribersParams{Limit: 1})
	if err != nil {
		return err
	}
	request := mailing(contents)
	request.Audience = types.AudienceInput{SubscriberIDs: []types.ID{page.Items[0].ID}}
	for range publications {
		made, err := s.api.Publish(ctx, request)
		if err != nil {
			return err
		}
		if _, err := s.completed(ctx, made.ID, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// nobodyHeld is a policy that has to be looked at for each reader, and holds nobody back: its quiet hours are a minute that is seven
// minutes away from any quarter of an hour as it is now, and zones are such quarters apart. Of the runs, all of which count, no reader
// gets more than they may, but more is published.
func nobodyHeld(now time.Time, runs int) types.DeliveryPolicyInput {
	minute := (now.UTC().Minute() + 7) % 15
	return types.DeliveryPolicyInput{
		QuietHours: types.QuietHours{From: fmt.Sprintf("03:%02d", minute), To: fmt.Sprintf("03:%02d", minute+1)},
		Caps:       []types.FrequencyCap{{Limit: 2*runs + 1, Hours: 24}, {Limit: 2*runs + 1, Hours: 720}},
	}
}
