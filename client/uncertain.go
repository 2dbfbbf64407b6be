package client

import (
	"context"

	"github.com/presswork/presswork/client/api"
)

// DecideAll decides about all uncertain recipients that d means, in as many requests as that takes. It may be repeated.
// With an error it returns what became of those before.
func (c *Client) DecideAll(ctx context.Context, d api.DecisionInput) (api.Fates, error) {
	var all api.Fates
	for {
		f, err := c.DecideUncertain(ctx, d)
		if err != nil {
			return all, err
		}
		all.Changed, all.Refused, all.Busy = all.Changed+f.Changed, all.Refused+f.Refused, all.Busy+f.Busy
		all.TooSoon, all.Unchanged = all.TooSoon+f.TooSoon, all.Unchanged+f.Unchanged
		if f.Next == 0 {
			return all, nil
		}
		d.After = f.Next
	}
}
