package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// AuditEvent is a line of the audit log: who did what.
type AuditEvent struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"`
	// Actor is a principal ("key:ID"), "subscriber" or "system".
	Actor  string `json:"actor"`
	Action string `json:"action"` // "topic.update"
	Entity string `json:"entity"`
	// EntityID is "" of what was about many, or about nothing in particular.
	EntityID      string `json:"entity_id"`
	CorrelationID string `json:"correlation_id"`
	// Changes holds ids, counts and names of fields, never personal values.
	Changes map[string]any `json:"changes"`
}

// AuditFilter chooses among events. Its zero value chooses all.
type AuditFilter struct {
	Actor, Action, Entity, EntityID, CorrelationID string
	Since                                          *time.Time // at or after
	Until                                          *time.Time // before
}

func (f AuditFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"actor": f.Actor, "action": f.Action, "entity": f.Entity, "entity_id": f.EntityID,
		"correlation_id": f.CorrelationID} {
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

// AuditEvents are the newest of a filter, at most limit. Each request is itself in the audit log.
func (c *Client) AuditEvents(ctx context.Context, f AuditFilter, limit int) ([]AuditEvent, error) {
	return first[AuditEvent](ctx, c, "/audit-events", f.query(), limit)
}

// AuditEvent reads one.
func (c *Client) AuditEvent(ctx context.Context, id int64) (AuditEvent, error) {
	var e AuditEvent
	err := c.Call(ctx, http.MethodGet, "/audit-events/"+strconv.FormatInt(id, 10), nil, &e)
	return e, err
}
