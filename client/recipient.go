package client

import (
	"context"
	"strings"

	"github.com/presswork/presswork/client/api"
)

// Timeline reads what became of a recipient: the id of a subscriber or a place, or a subscriber's address, which is kept
// out of the path.
func (c *Client) Timeline(ctx context.Context, publication api.ID, recipient string) (api.Timeline, error) {
	if strings.Contains(recipient, "@") {
		return c.LookUpRecipient(ctx, publication, api.LookUpRecipientParams{Email: recipient})
	}
	return c.GetRecipient(ctx, publication, recipient)
}
