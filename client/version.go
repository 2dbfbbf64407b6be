package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Approval is the review of a publication by another person.
type Approval struct {
	State       string     `json:"state"` // requested, approved, rejected
	RequestedBy string     `json:"requested_by"`
	RequestedAt time.Time  `json:"requested_at"`
	DecidedBy   string     `json:"decided_by,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
	Version     int        `json:"version,omitempty"` // that was decided about
	Reason      string     `json:"reason,omitempty"`
}

// PublicationVersion is what a publication was from a version on. In a list it has no request.
type PublicationVersion struct {
	Version       int                 `json:"version"`
	ChangedBy     string              `json:"changed_by"`
	ChangedAt     time.Time           `json:"changed_at"`
	CorrelationID string              `json:"correlation_id"`
	Request       *PublicationRequest `json:"request,omitempty"`
}

// Difference is one place at which two versions differ: what is at Path, a JSON pointer, in the one and in the other; nil where
// nothing is.
type Difference struct {
	Path string          `json:"path"`
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
}

// Forecast is what a publication would do.
type Forecast struct {
	State            string            `json:"state"`
	ApprovalRequired bool              `json:"approval_required"`
	Lane             string            `json:"lane"`
	Channels         []ForecastChannel `json:"channels"`
	Tasks            map[string]int64  `json:"tasks"` // by queue
	// Seconds is how long sending takes at the current rates; nil: that is not known.
	Seconds *int64 `json:"seconds"`
}

// ForecastChannel is a channel's part.
type ForecastChannel struct {
	Channel    string           `json:"channel"`
	Recipients int64            `json:"recipients"`
	Eligible   int64            `json:"eligible"`
	Excluded   map[string]int64 `json:"excluded"` // by reason
	Batches    int64            `json:"batches"`
}

// CloneOptions are what a clone has other than its origin.
type CloneOptions struct {
	Title      string     `json:"title,omitempty"`
	ScheduleAt *time.Time `json:"schedule_at,omitempty"`
	// Draft is true unless told.
	Draft *bool `json:"draft,omitempty"`
}

// DryRun says what Publish would do, and stores nothing.
func (c *Client) DryRun(ctx context.Context, request PublicationRequest) (Forecast, error) {
	var f Forecast
	err := c.Call(ctx, http.MethodPost, "/publications?dry_run=true", request, &f)
	return f, err
}

// UpdatePublication replaces a publication that has not begun, if its version is still the one that the caller looked at.
func (c *Client) UpdatePublication(ctx context.Context, id string, version int, request PublicationRequest) (Publication, error) {
	var p Publication
	err := c.Call(ctx, http.MethodPut, publicationPath(id), request, &p, "If-Match", strconv.Quote(strconv.Itoa(version)))
	return p, err
}

// PublishDraft sends a draft on its way, at its time, or else at once. It is not repeatable: a second time is a Problem.
func (c *Client) PublishDraft(ctx context.Context, id string) (Publication, error) {
	return c.control(ctx, id, "publish")
}

// DryRunDraft says what PublishDraft would do, and changes nothing.
func (c *Client) DryRunDraft(ctx context.Context, id string) (Forecast, error) {
	var f Forecast
	err := c.Call(ctx, http.MethodPost, publicationPath(id)+"/publish?dry_run=true", nil, &f)
	return f, err
}

// ClonePublication stores another publication like one. With a key it may be repeated, as Publish.
func (c *Client) ClonePublication(ctx context.Context, id string, o CloneOptions, idempotencyKey string) (Publication, error) {
	var headers []string
	if idempotencyKey != "" {
		headers = []string{"Idempotency-Key", idempotencyKey}
	}
	var p Publication
	err := c.Call(ctx, http.MethodPost, publicationPath(id)+"/clone", o, &p, headers...)
	return p, err
}

// DeletePublication removes a publication that never began.
func (c *Client) DeletePublication(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, publicationPath(id), nil, nil)
}

// PublicationVersions are the versions of a publication, newest first, at most limit.
func (c *Client) PublicationVersions(ctx context.Context, id string, limit int) ([]PublicationVersion, error) {
	return first[PublicationVersion](ctx, c, publicationPath(id)+"/versions", url.Values{}, limit)
}

// PublicationVersion is what a publication was at a version, with a request that could be sent again.
func (c *Client) PublicationVersion(ctx context.Context, id string, version int) (PublicationVersion, error) {
	var v PublicationVersion
	err := c.Call(ctx, http.MethodGet, publicationPath(id)+"/versions/"+strconv.Itoa(version), nil, &v)
	return v, err
}

// DiffPublication says what is different at version to from what was at version from.
func (c *Client) DiffPublication(ctx context.Context, id string, from, to int) ([]Difference, error) {
	var d struct {
		Differences []Difference `json:"differences"`
	}
	err := c.Call(ctx, http.MethodGet, publicationPath(id)+"/versions/"+strconv.Itoa(from)+"/diff?to="+strconv.Itoa(to), nil, &d)
	return d.Differences, err
}

// RollbackPublication makes a publication what it was at a version: that is a new version.
func (c *Client) RollbackPublication(ctx context.Context, id string, version int) (Publication, error) {
	return c.decide(ctx, id, "rollback", map[string]any{"version": version})
}

// ApprovePublication lets a publication go its way, if its version is still the one that the caller looked at.
func (c *Client) ApprovePublication(ctx context.Context, id string, version int) (Publication, error) {
	return c.decide(ctx, id, "approve", map[string]any{"version": version})
}

// RejectPublication keeps a publication from going its way, and says why.
func (c *Client) RejectPublication(ctx context.Context, id, reason string) (Publication, error) {
	return c.decide(ctx, id, "reject", map[string]any{"reason": reason})
}

func (c *Client) decide(ctx context.Context, id, verb string, body any) (Publication, error) {
	var p Publication
	err := c.Call(ctx, http.MethodPost, publicationPath(id)+"/"+verb, body, &p)
	return p, err
}
