package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// UncertainFilter chooses among recipients of whom nobody knows whether they were reached.
type UncertainFilter struct {
	PublicationID string     `json:"publication_id,omitempty"`
	Channel       string     `json:"channel,omitempty"`
	Reason        string     `json:"reason,omitempty"` // no_answer, process_died
	Before        *time.Time `json:"before,omitempty"` // uncertain since before this
}

func (f UncertainFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"publication_id": f.PublicationID, "channel": f.Channel, "reason": f.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Before != nil {
		q.Set("before", f.Before.Format(time.RFC3339Nano))
	}
	return q
}

// Uncertain is such a recipient.
type Uncertain struct {
	ID            int64     `json:"id"`
	PublicationID string    `json:"publication_id"`
	Channel       string    `json:"channel"`
	RecipientID   *string   `json:"recipient_id"`
	Reason        string    `json:"reason"`
	Attempts      int       `json:"attempts"`
	Since         time.Time `json:"since"`
	// PolicyAt is when the channel's policy is asked; nil: it was, and holds.
	PolicyAt *time.Time `json:"policy_at"`
	Resends  int        `json:"resends"`
}

// UncertainCount is how many there are of a publication and channel, for one reason.
type UncertainCount struct {
	PublicationID string    `json:"publication_id"`
	Channel       string    `json:"channel"`
	Reason        string    `json:"reason"`
	Count         int64     `json:"count"`
	Oldest        time.Time `json:"oldest"`
}

// Uncertain is who is uncertain, the oldest first, at most limit.
func (c *Client) Uncertain(ctx context.Context, f UncertainFilter, limit int) ([]Uncertain, error) {
	return first[Uncertain](ctx, c, "/uncertain", f.query(), limit)
}

// CountUncertain counts them, of the newest publications first.
func (c *Client) CountUncertain(ctx context.Context, f UncertainFilter) ([]UncertainCount, error) {
	var p page[UncertainCount]
	err := c.Call(ctx, http.MethodGet, "/uncertain/counts?"+f.query().Encode(), nil, &p)
	return p.Items, err
}

// DecideRequest says what is to become of uncertain recipients: those of the filter and ids, or all.
type DecideRequest struct {
	Decision string `json:"decision"` // resend, sent, failed
	All      bool   `json:"all,omitempty"`
	UncertainFilter
	IDs   []int64 `json:"ids,omitempty"`
	After int64   `json:"after,omitempty"`
}

// Decided is what became of them. Who is busy or too_soon can be decided about a minute later.
type Decided struct {
	Changed   int `json:"changed"`
	Refused   int `json:"refused"`
	Busy      int `json:"busy"`
	TooSoon   int `json:"too_soon"`
	Unchanged int `json:"unchanged"`
	// Next is where to go on, if there are more than one request decides about; 0: there are not.
	Next int64 `json:"next,omitempty"`
}

// DecideUncertain decides about all that the request means, in as many requests as that takes. It may be repeated.
func (c *Client) DecideUncertain(ctx context.Context, request DecideRequest) (Decided, error) {
	var all Decided
	for {
		var d Decided
		if err := c.Call(ctx, http.MethodPost, "/uncertain/decide", request, &d); err != nil {
			return all, err
		}
		all.Changed, all.Refused, all.Busy = all.Changed+d.Changed, all.Refused+d.Refused, all.Busy+d.Busy
		all.TooSoon, all.Unchanged = all.TooSoon+d.TooSoon, all.Unchanged+d.Unchanged
		if d.Next == 0 {
			return all, nil
		}
		request.After = d.Next
	}
}
