package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// PublicationRequest is what a client hands in.
type PublicationRequest struct {
	Title      string   `json:"title"`
	Type       string   `json:"publication_type"`   // announcement, newsletter, digest, alert, transactional
	Priority   string   `json:"priority,omitempty"` // critical, high, normal (unless told), bulk
	Channels   []string `json:"channels"`           // email, newsletter, slack, discord, webhook
	ContentIDs []string `json:"content_ids"`
	// Attachments are ids of uploaded files that go with every mail; see UploadAsset.
	Attachments []string          `json:"attachments,omitempty"`
	Audience    *Audience         `json:"audience,omitempty"` // needed with email and newsletter
	Templates   map[string]string `json:"template_ids,omitempty"`
	SenderID    string            `json:"sender_id,omitempty"`
	ScheduleAt  *time.Time        `json:"schedule_at,omitempty"`
	// RatePerMinute is the most messages a minute on each of its channels; 0: as fast as those take them.
	RatePerMinute int `json:"rate_per_minute,omitempty"`
	// Listed is whether the public archive shows it; nil: as its type and audience suggest.
	Listed *bool          `json:"listed,omitempty"`
	Data   map[string]any `json:"data,omitempty"`
	// Draft keeps it from being sent until it is published; see PublishDraft.
	Draft bool `json:"draft,omitempty"`
	// Approval asks that somebody else approves it first.
	Approval bool `json:"approval,omitempty"`
}

// Audience is exactly one of all, topics and subscribers, minus the excluded.
type Audience struct {
	All         bool     `json:"all,omitempty"`
	Topics      []string `json:"topics,omitempty"`
	Subscribers []string `json:"subscriber_ids,omitempty"`
	Exclude     []string `json:"exclude_subscriber_ids,omitempty"`
}

// Publication is what the API says of one.
type Publication struct {
	ID          string     `json:"id"`
	Title       string     `json:"title"`
	State       string     `json:"state"`
	Failure     string     `json:"failure,omitempty"`
	Priority    string     `json:"priority"`
	Channels    []string   `json:"channels"`
	CreatedAt   time.Time  `json:"created_at"`
	ScheduledAt *time.Time `json:"scheduled_at"`
	CompletedAt *time.Time `json:"completed_at"`
	// RatePerMinute is the most messages a minute on each of its channels; 0: it has no limit of its own.
	RatePerMinute int `json:"rate_per_minute,omitempty"`
	// Approval is nil if nobody asked for one, ClonedFrom empty if it is no clone.
	Approval   *Approval `json:"approval,omitempty"`
	ClonedFrom string    `json:"cloned_from,omitempty"`
	Version    int       `json:"version"`
}

// Publish hands in a publication. Once it returns without an error, the publication is stored, and will be
// sent unless it is a draft, or waits for approval.
// With a key it may be repeated: the same request with the same key is one publication.
func (c *Client) Publish(ctx context.Context, request PublicationRequest, idempotencyKey string) (Publication, error) {
	var headers []string
	if idempotencyKey != "" {
		headers = []string{"Idempotency-Key", idempotencyKey}
	}
	var p Publication
	err := c.Call(ctx, http.MethodPost, "/publications", request, &p, headers...)
	return p, err
}

// Publication reads one.
func (c *Client) Publication(ctx context.Context, id string) (Publication, error) {
	var p Publication
	err := c.Call(ctx, http.MethodGet, "/publications/"+url.PathEscape(id), nil, &p)
	return p, err
}

// Publications are the newest, at most 200.
func (c *Client) Publications(ctx context.Context, limit int) ([]Publication, error) {
	var p page[Publication]
	err := c.Call(ctx, http.MethodGet, "/publications?limit="+strconv.Itoa(limit), nil, &p)
	return p.Items, err
}

// Counts are deliveries by state, of one channel or of all.
type Counts struct {
	Channel   string `json:"channel,omitempty"`
	Total     int64  `json:"total"`
	Pending   int64  `json:"pending"`
	Sending   int64  `json:"sending"`
	Sent      int64  `json:"sent"`
	Failed    int64  `json:"failed"`
	Skipped   int64  `json:"skipped"`
	Uncertain int64  `json:"uncertain"`
}

// Settled is how many have a fate.
func (c Counts) Settled() int64 { return c.Sent + c.Failed + c.Skipped + c.Uncertain }

// Progress is how far a publication is.
type Progress struct {
	State      string   `json:"state"`
	FanoutDone bool     `json:"fanout_done"` // until then the totals still grow
	All        Counts   `json:"all"`
	Channels   []Counts `json:"channels"`
	Rate       float64  `json:"rate_per_second"` // over the last Window seconds
	Window     int64    `json:"rate_window_seconds"`
	// ETA in seconds; nil while it cannot be told.
	ETA *int64 `json:"eta_seconds"`
	// CompletedAt is set in a final state.
	CompletedAt *time.Time `json:"completed_at"`
}

// Final reports a state that nothing leaves.
func (p Progress) Final() bool {
	switch p.State {
	case "completed", "completed_with_failures", "cancelled", "failed":
		return true
	default:
		return false
	}
}

// Channel is the counts of one channel; zero if the publication does not use it.
func (p Progress) Channel(kind string) Counts {
	for _, c := range p.Channels {
		if c.Channel == kind {
			return c
		}
	}
	return Counts{Channel: kind}
}

// Progress reads how far a publication is.
func (c *Client) Progress(ctx context.Context, id string) (Progress, error) {
	var p Progress
	err := c.Call(ctx, http.MethodGet, "/publications/"+url.PathEscape(id)+"/progress", nil, &p)
	return p, err
}

// maxLost is how many looks or streams in a row Watch and Follow forgive an API that is away.
const maxLost = 60

// Watch looks at a publication's progress every period, and shows it, until its state is final. An API that is
// away for a while is waited for. With an error the progress is the last that was read.
func (c *Client) Watch(ctx context.Context, id string, period time.Duration, show func(Progress)) (Progress, error) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	var last Progress
	for lost := 0; ; {
		p, err := c.Progress(ctx, id)
		switch {
		case err == nil:
			last, lost = p, 0
			show(p)
			if p.Final() {
				return p, nil
			}
		case !Passing(err) || lost >= maxLost:
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

// Queue is how much of a queue waits and runs.
type Queue struct {
	Name      string  `json:"name"`
	Pending   int     `json:"pending"`
	Active    int     `json:"active"`
	Scheduled int     `json:"scheduled"`
	Retry     int     `json:"retry"`
	Archived  int     `json:"archived"`
	Oldest    float64 `json:"oldest_seconds"` // age of the oldest pending task
	Paused    bool    `json:"paused"`
}
