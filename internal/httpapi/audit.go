package httpapi

import (
	"context"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// AuditStore reads the audit log, and notes in it who did.
type AuditStore interface {
	TotalAudit(ctx context.Context, f audit.Filter) (tally.Total, error)
	AuditEvents(ctx context.Context, f audit.Filter, before int64, limit int) (audit.Looked, error)
	AuditEvent(ctx context.Context, id int64) (audit.Event, error)
	RecordAudit(ctx context.Context, entity, verb string, uid ident.UID, changes map[string]any) error
}

// auditEntity is what the log calls itself, where it tells who has read it.
const auditEntity = "audit_event"

type auditLog struct{ store AuditStore }

func registerAudit(r gin.IRouter, d Deps) {
	h := auditLog{d.Audit}
	r.GET("/audit-events", handle(h.list))
	r.GET("/audit-events/:id", handle(h.get))
}

func showAudit(e audit.Event) wire.AuditEvent {
	return wire.AuditEvent{ID: e.ID, At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Entity: e.Entity, EntityID: optionalID(e.EntityUID),
		CorrelationID: e.CorrelationID, Changes: e.Changes}
}

// auditFilters are the parameters that narrow the list.
var auditFilters = [...]string{"actor", "action", "entity", "entity_id", "correlation_id", "since", "until"}

// maxAuditText is how long the text of a filter may be: longer than anything that is in the log.
const maxAuditText = 512

func readAuditFilter(c *gin.Context) (audit.Filter, error) {
	q := queryReader{c: c}
	f := audit.Filter{Actor: q.text("actor"), Action: q.text("action"), Entity: q.text("entity"),
		CorrelationID: q.text("correlation_id"), Since: q.time("since"), Until: q.time("until")}
	if uid := q.id("entity_id"); uid != nil {
		f.EntityUID = *uid
	}
	for name, text := range map[string]string{"actor": f.Actor, "action": f.Action, "entity": f.Entity, "correlation_id": f.CorrelationID} {
		if len(text) > maxAuditText {
			q.refuse(badQuery(name, "is longer than anything in the log"))
		}
	}
	return f, q.err
}

// list is newest first. A page may have few items, or none, and still a cursor: what is rare in a long log is looked for in
// parts, unless it goes by entity_id or correlation_id. Each request is itself noted, with the names of its filters.
func (h auditLog) list(c *gin.Context) error {
	p, err := readPage(c, "audit events", auditFilters[:]...)
	if err != nil {
		return err
	}
	f, err := readAuditFilter(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	looked, err := h.store.AuditEvents(ctx, f, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	events, next := looked.Events, ""
	switch {
	case len(events) > p.Limit:
		events = events[:p.Limit]
		next = cursor("audit events", events[p.Limit-1].ID)
	case !looked.Done:
		next = cursor("audit events", looked.Last)
	}
	given := slices.DeleteFunc(slices.Clone(auditFilters[:]), func(name string) bool { return c.Query(name) == "" })
	if err := h.store.RecordAudit(ctx, auditEntity, "list", ident.UID{}, map[string]any{"count": len(events), "filters": given}); err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalAudit(ctx, f) }); err != nil {
		return err
	}
	body := pageOf(p, make([]wire.AuditEvent, 0, len(events)), next)
	for _, e := range events {
		body.Items = append(body.Items, showAudit(e))
	}
	return found(c, 0, body)
}

func (h auditLog) get(c *gin.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id < 1 {
		return fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
	}
	if err := knownQuery(c); err != nil {
		return err
	}
	ctx := c.Request.Context()
	e, err := h.store.AuditEvent(ctx, id)
	if err != nil {
		return err
	}
	if err := h.store.RecordAudit(ctx, auditEntity, "read", ident.UID{}, map[string]any{"id": id}); err != nil {
		return err
	}
	return found(c, 0, showAudit(e))
}
