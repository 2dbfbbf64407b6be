package demo

import (
	"context"
	"net/http"
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

const (
	pollPeriod = 500 * time.Millisecond
	// maxLost is how many looks at the progress may fail one after the other, while the API is restarted.
	maxLost = 60
)

// kinds are the channels of the demo's publication, in the order in which they are shown.
func kinds() []string { return []string{"email", "newsletter", "slack", "discord", "webhook"} }

// accepted is the API's promise.
type accepted struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
}

// publish hands the publication in. Its key is new: every run publishes once.
func publish(ctx context.Context, c *client, m made) (accepted, error) {
	yes := true
	request := publication.Request{
		Title: "The Slow Post, spring issue", Type: string(publication.Newsletter), Channels: kinds(),
		Contents: m.contents, Audience: &publication.AudienceRequest{All: &yes},
		Templates: map[string]string{"email": m.template}, Sender: m.sender,
		Data: map[string]any{"issue": 7},
	}
	var a accepted
	err := c.call(ctx, http.MethodPost, "/publications", request, &a, "Idempotency-Key", "demo-"+ident.New().String())
	return a, err
}

// counts is how far a channel is.
type counts struct {
	Channel   string `json:"channel"`
	Total     int64  `json:"total"`
	Sent      int64  `json:"sent"`
	Failed    int64  `json:"failed"`
	Skipped   int64  `json:"skipped"`
	Uncertain int64  `json:"uncertain"`
}

func (c counts) settled() int64 { return c.Sent + c.Failed + c.Skipped + c.Uncertain }

// progress is how far the publication is.
type progress struct {
	State       publication.State `json:"state"`
	FanoutDone  bool              `json:"fanout_done"`
	All         counts            `json:"all"`
	Channels    []counts          `json:"channels"`
	CompletedAt *time.Time        `json:"completed_at"`
}

// channel is the counts of a kind, zero while it has none.
func (p progress) channel(kind string) counts {
	for _, c := range p.Channels {
		if c.Channel == kind {
			return c
		}
	}
	return counts{Channel: kind}
}

// watch looks at the progress every period until the state is final. An API that is away for a while is
// waited for. With an error the progress is the last that was read.
func watch(ctx context.Context, c *client, id string, d *display, period time.Duration) (progress, error) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	var last progress
	for lost := 0; ; {
		var p progress
		err := c.call(ctx, http.MethodGet, "/publications/"+id+"/progress", nil, &p)
		switch {
		case err == nil:
			last, lost = p, 0
			d.show(p)
			if p.State.Final() {
				return p, nil
			}
		case !passing(err) || lost >= maxLost:
			return last, err
		default:
			lost++
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-tick.C:
		}
	}
}
