package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// DeadFilter chooses among dead letters. Its zero value chooses all that were not replayed.
type DeadFilter struct {
	PublicationID string     `json:"publication_id,omitempty"`
	Channel       string     `json:"channel,omitempty"` // email, newsletter, slack, discord, webhook
	Queue         string     `json:"queue,omitempty"`
	Fingerprint   string     `json:"fingerprint,omitempty"`
	Code          string     `json:"code,omitempty"`
	Since         *time.Time `json:"since,omitempty"` // failed at or after
	Until         *time.Time `json:"until,omitempty"` // failed before
	IDs           []int64    `json:"ids,omitempty"`   // of a replay only
}

// Empty reports a filter that restricts nothing.
func (f DeadFilter) Empty() bool { return len(f.query()) == 0 && len(f.IDs) == 0 }

func (f DeadFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"publication_id": f.PublicationID, "channel": f.Channel, "queue": f.Queue,
		"fingerprint": f.Fingerprint, "code": f.Code} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, at := range map[string]*time.Time{"since": f.Since, "until": f.Until} {
		if at != nil {
			q.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	return q
}

// DeadLetter is a delivery that failed for good.
type DeadLetter struct {
	ID            int64      `json:"id"`
	PublicationID string     `json:"publication_id"`
	Channel       string     `json:"channel"`
	Queue         string     `json:"queue"`
	RecipientID   *string    `json:"recipient_id"`
	Attempts      int        `json:"attempts"`
	Kind          string     `json:"kind"`
	Code          string     `json:"code"`
	Error         string     `json:"error"`
	Fingerprint   string     `json:"fingerprint"`
	FailedAt      time.Time  `json:"failed_at"`
	ReplayedAt    *time.Time `json:"replayed_at"`
	ReplayedBy    string     `json:"replayed_by,omitempty"`
	// Replays is every time that the recipient was made owed again; only of one that is read alone.
	Replays []Reopening `json:"replays,omitempty"`
}

// Reopening is one time that a settled recipient was made owed again.
type Reopening struct {
	At          time.Time `json:"at"`
	By          string    `json:"by"`
	Was         string    `json:"was"`
	Reason      string    `json:"reason"`
	Attempts    int       `json:"attempts"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	ReplayID    string    `json:"replay_id,omitempty"`
}

// DeadGroup is the dead letters with one cause.
type DeadGroup struct {
	Fingerprint  string    `json:"fingerprint"`
	Channel      string    `json:"channel"`
	Kind         string    `json:"kind"`
	Code         string    `json:"code"`
	Error        string    `json:"error"`
	Count        int64     `json:"count"`
	Publications int64     `json:"publications"`
	First        time.Time `json:"first_failed_at"`
	Last         time.Time `json:"last_failed_at"`
	Newest       int64     `json:"newest_id"`
}

// DeadLetters is the newest of a filter, at most limit (200 and fewer are one request).
func (c *Client) DeadLetters(ctx context.Context, f DeadFilter, limit int) ([]DeadLetter, error) {
	return first[DeadLetter](ctx, c, "/dead-letters", f.query(), limit)
}

// DeadLetter reads one, with its history.
func (c *Client) DeadLetter(ctx context.Context, id int64) (DeadLetter, error) {
	var d DeadLetter
	err := c.Call(ctx, http.MethodGet, "/dead-letters/"+strconv.FormatInt(id, 10), nil, &d)
	return d, err
}

// DeadGroups counts the dead letters of a filter by cause, the most frequent first.
func (c *Client) DeadGroups(ctx context.Context, f DeadFilter) ([]DeadGroup, error) {
	var p page[DeadGroup]
	err := c.Call(ctx, http.MethodGet, "/dead-letters/groups?"+f.query().Encode(), nil, &p)
	return p.Items, err
}

// DeleteDeadLetters removes those of a filter, which has to restrict something, and returns how many. Their recipients
// stay failed.
func (c *Client) DeleteDeadLetters(ctx context.Context, f DeadFilter) (int64, error) {
	var answer struct {
		Deleted int64 `json:"deleted"`
	}
	err := c.Call(ctx, http.MethodDelete, "/dead-letters?"+f.query().Encode(), nil, &answer)
	return answer.Deleted, err
}

// DeleteDeadLetter removes one.
func (c *Client) DeleteDeadLetter(ctx context.Context, id int64) error {
	return c.Call(ctx, http.MethodDelete, "/dead-letters/"+strconv.FormatInt(id, 10), nil, nil)
}

// ReplayRequest asks for a replay of the dead letters of a filter that restricts something, or of all. Zero values of Rate
// and MaxFailing are the API's defaults.
type ReplayRequest struct {
	Filter DeadFilter `json:"filter"`
	All    bool       `json:"all,omitempty"`
	DryRun bool       `json:"dry_run,omitempty"`
	// Canary is how many are replayed first; the rest follows if few enough of them fail.
	Canary int `json:"canary,omitempty"`
	// Rate is recipients a second.
	Rate float64 `json:"rate_per_second,omitempty"`
	// MaxFailing stops it when more than this share of those that are settled did not get through; nil: a half.
	MaxFailing *float64 `json:"max_failing,omitempty"`
}

// Replay is a replay of dead letters.
type Replay struct {
	ID         string     `json:"id"`
	State      string     `json:"state"` // canary, running, settling; completed, stopped, cancelled
	Filter     DeadFilter `json:"filter"`
	Canary     int        `json:"canary"`
	Rate       float64    `json:"rate_per_second"`
	MaxFailing float64    `json:"max_failing"`
	Matched    int64      `json:"matched"`
	Reopened   int64      `json:"reopened"`
	Refused    int64      `json:"refused"`
	Waiting    int64      `json:"waiting"`
	Sent       int64      `json:"sent"`
	Failed     int64      `json:"failed"`
	Uncertain  int64      `json:"uncertain"`
	Skipped    int64      `json:"skipped"`
	Note       string     `json:"note,omitempty"`
	CreatedBy  string     `json:"created_by"`
	CreatedAt  time.Time  `json:"created_at"`
	EndedAt    *time.Time `json:"ended_at"`
}

// Final reports a state that nothing leaves.
func (r Replay) Final() bool {
	return r.State == "completed" || r.State == "stopped" || r.State == "cancelled"
}

// ReplayDeadLetters asks for a replay. A dry run stores nothing: only Matched is set.
func (c *Client) ReplayDeadLetters(ctx context.Context, request ReplayRequest) (Replay, error) {
	var r Replay
	err := c.Call(ctx, http.MethodPost, "/dead-letters/replays", request, &r)
	return r, err
}

// Replay reads one.
func (c *Client) Replay(ctx context.Context, id string) (Replay, error) {
	var r Replay
	err := c.Call(ctx, http.MethodGet, "/dead-letters/replays/"+url.PathEscape(id), nil, &r)
	return r, err
}

// Replays are the newest, at most 200.
func (c *Client) Replays(ctx context.Context, limit int) ([]Replay, error) {
	var p page[Replay]
	err := c.Call(ctx, http.MethodGet, "/dead-letters/replays?limit="+strconv.Itoa(limit), nil, &p)
	return p.Items, err
}

// CancelReplay stops one: what it made owed again goes on.
func (c *Client) CancelReplay(ctx context.Context, id string) (Replay, error) {
	var r Replay
	err := c.Call(ctx, http.MethodPost, "/dead-letters/replays/"+url.PathEscape(id)+"/cancel", nil, &r)
	return r, err
}
