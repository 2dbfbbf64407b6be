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
// alternate, so that what the machine does beside them falls on both.
func eligibilityCost(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers", r.size.mails)
	if err := s.seed(ctx, r.size.mails); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return Line{}, err
	}
	var without, with []float64
	for i := range 2 * r.size.runs {
		policy, runs := types.DeliveryPolicyInput{}, &without
		if i%2 == 1 {
			policy, runs = nobodyHeld(time.Now()), &with
		}
		if _, err := s.api.PutDeliveryPolicy(ctx, policy, client.IfMatch("*")); err != nil {
			return Line{}, err
		}
		one := run{units: r.size.mails}
		one.used, err = s.using(ctx, func(ctx context.Context) error {
			one.took, err = s.send(ctx, contents, r.size.mails)
			return err
		})
		if err != nil {
			return Line{}, err
		}
		if cost := newCost(one); cost != nil {
			r.logf("%.0f messages/s, %.1f us of CPU each", one.rate(), cost.Sum)
			*runs = append(*runs, cost.Sum)
		}
	}
	return Line{Value: max(0, rounded(least(with)-least(without), 1)), Unit: "us of CPU for each recipient", Runs: append(without, with...),
		Note: fmt.Sprintf("%d messages a run; the least of the runs with quiet hours and two caps (%.1f), less the least of those without (%.1f); "+
			"runs are those without, then those with", r.size.mails, least(with), least(without))}, nil
}

// least is 0 of none: the CPU could not be measured.
func least(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	low := list[0]
	for _, v := range list {
		low = min(low, v)
	}
	return low
}

// nobodyHeld is a policy that has to be looked at for each reader, and holds nobody back: its quiet hours are a minute that is seven
// minutes away from any quarter of an hour as it is now, and zones are such quarters apart.
func nobodyHeld(now time.Time) types.DeliveryPolicyInput {
	minute := (now.UTC().Minute() + 7) % 15
	return types.DeliveryPolicyInput{
		QuietHours: types.QuietHours{From: fmt.Sprintf("03:%02d", minute), To: fmt.Sprintf("03:%02d", minute+1)},
		Caps:       []types.FrequencyCap{{Limit: 1000, Hours: 24}, {Limit: 1000, Hours: 720}},
	}
}
