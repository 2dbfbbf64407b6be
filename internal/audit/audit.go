// Package audit is the record of who did what. Its rows hold ids and names of fields, never personal
// values, so that erasing a person leaves it whole (REQUIREMENTS B14).
package audit

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// System is the actor of what Presswork does by itself, when no caller is known.
const System = "system"

// Anonymous is the actor of what somebody tried without having shown who they are.
const Anonymous = "anonymous"

// Event is one line of the record.
type Event struct {
	ID int64
	At time.Time
	// Actor is a principal ("key:admin", "subscriber") or System.
	Actor string
	// Action is the entity and a verb: "subscriber.create".
	Action string
	// Entity is the kind of thing that changed, EntityUID which one; zero for many at once.
	Entity    string
	EntityUID ident.UID
	// CorrelationID is of the request that caused it.
	CorrelationID string
	// Changes holds ids, counts and names of changed fields.
	Changes map[string]any
}

type actorKey struct{}

// WithActor carries the principal on whose behalf ctx's work is done.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Actor is the principal carried by ctx, System if there is none.
func Actor(ctx context.Context) string {
	if actor, _ := ctx.Value(actorKey{}).(string); actor != "" {
		return actor
	}
	return System
}

// Filter chooses among events. Its zero value chooses all.
type Filter struct {
	Actor, Action, Entity string // as they are; "" is any
	EntityUID             ident.UID
	CorrelationID         string
	// Since is inclusive, Until exclusive.
	Since, Until *time.Time
}

// Selective reports a filter by what the log is indexed by: what it finds is found at once.
func (f Filter) Selective() bool { return !f.EntityUID.IsZero() || f.CorrelationID != "" }

// Looked is what a look through the log found, newest first.
type Looked struct {
	Events []Event
	// Last is the id that the look has come to; Done: it has come to the end.
	Last int64
	Done bool
}

// Purged is what was removed because its time was over.
type Purged struct {
	Blocks, Events int64
	// Through is the number of the last of the blocks.
	Through int64
}
