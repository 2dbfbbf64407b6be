package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/presswork/presswork/internal/ident"
)

// plainUIDs has a connection send ids as the 16 bytes that they are. Its driver knows nothing of ident.UID, and would have it
// written as text and read again, which takes microseconds each.
func plainUIDs(_ context.Context, c *pgx.Conn) error {
	m := c.TypeMap()
	m.TryWrapEncodePlanFuncs = slices.Insert(m.TryWrapEncodePlanFuncs, 0, planUID)
	return nil
}

func planUID(value any) (plan pgtype.WrappedEncodePlanNextSetter, next any, ok bool) {
	uid, ok := value.(ident.UID)
	return &uidPlan{}, uuidOf(uid), ok
}

// uidPlan encodes an ident.UID as pgtype.UUID is encoded.
type uidPlan struct{ next pgtype.EncodePlan }

// SetNext is pgtype.WrappedEncodePlanNextSetter's.
func (p *uidPlan) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode is pgtype.EncodePlan's.
func (p *uidPlan) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(uuidOf(value.(ident.UID)), buf) //nolint:errcheck,forcetypeassert // the plan is for this type
}

func uuidOf(uid ident.UID) pgtype.UUID { return pgtype.UUID{Bytes: uid, Valid: true} }
