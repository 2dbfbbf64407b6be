package httpapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// BulkStore remembers what calls with an Idempotency-Key were answered.
type BulkStore interface {
	EarlierBulk(ctx context.Context, call bulk.Call) (bulk.Result, error)
}

// maxItemErrors bounds how many errors of one item are told.
const maxItemErrors = 10

// bulkRoute is what the routes for many changes share.
type bulkRoute struct {
	store BulkStore
	log   *zap.Logger
	// noun is the member of an item that holds the resource; most is how many items a call may have, and each so many cost a unit.
	noun          string
	most, perUnit int
	// made is the status of what was made.
	made   int
	charge func(c *gin.Context, units int) error
}

// bulkCall is a call as it was read.
type bulkCall struct {
	bulkRoute
	bulk.Call
	actions []bulk.Action
	// errs are what is wrong with items as they stand, by their index.
	errs map[int]error
}

// bulkItem is what all items have.
type bulkItem struct {
	action  bulk.Action
	id      ident.UID
	version *int
	// whole says that the resource is there.
	whole bool
}

// read reads what the items of a request have in common. check says everything that is wrong if that cannot be. earlier answers
// a request that was answered before.
func (r bulkRoute) read(c *gin.Context, body any, mode bulk.Mode, items []bulkItem, check func() error) (call *bulkCall, earlier bool, err error) {
	key, err := idempotencyKey(c)
	if err != nil {
		return nil, false, err
	}
	mode = cmp.Or(mode, bulk.AllOrNothing)
	if r.fits(mode, items) != nil {
		return nil, false, check()
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, false, fmt.Errorf("encode a request: %w", err)
	}
	call = &bulkCall{bulkRoute: r, errs: map[int]error{}, Call: bulk.Call{
		Mode: mode, Route: c.Request.Method + " " + c.FullPath(), Key: key, Digest: sha256.Sum256(text),
	}}
	call.Answer = call.report
	if done, err := call.answerEarlier(c); done || err != nil {
		return nil, true, err
	}
	if err := r.charge(c, len(items)/r.perUnit-1); err != nil { // the route's own unit is one of them
		return nil, false, err
	}
	for n, i := range items {
		call.actions = append(call.actions, i.action)
		if err := i.check(r.noun); err != nil {
			call.errs[n] = within(err, itemPlace(n))
		}
	}
	return call, false, nil
}

// fits says what is wrong with a call as a whole.
func (r bulkRoute) fits(mode bulk.Mode, items []bulkItem) error {
	var f fault.Fields
	if !slices.Contains(bulk.Modes(), mode) {
		f.Add("/mode", "not_allowed", "must be one of %v", bulk.Modes())
	}
	if len(items) < 1 || len(items) > r.most {
		f.Add("/items", "count", "must be 1 to %d items", r.most)
	}
	return f.Err()
}

// check is everything that is wrong with a body as it stands. resource says it of the resource of an item that has one.
func (r bulkRoute) check(mode bulk.Mode, items []bulkItem, resource func(n int) error) error {
	var f fault.Fields
	f.Join(r.fits(cmp.Or(mode, bulk.AllOrNothing), items))
	for n, i := range items[:min(len(items), r.most)] {
		f.Join(within(i.check(r.noun), itemPlace(n)))
		if i.whole && i.action != bulk.Delete {
			f.Join(within(resource(n), r.place(n)))
		}
	}
	return f.Err()
}

func itemPlace(n int) string { return fmt.Sprintf("/items/%d", n) }

// check is what the action wants of the members beside the resource.
func (i bulkItem) check(noun string) error {
	var f fault.Fields
	needs := func(there, wanted bool, pointer string) {
		switch {
		case wanted && !there:
			f.Add(pointer, "required", "is required to %s", i.action)
		case !wanted && there:
			f.Add(pointer, "not_allowed", "is not for %s", i.action)
		}
	}
	switch i.action {
	case bulk.Create, bulk.Update, bulk.Delete:
	default:
		f.Add("/action", "not_allowed", "must be one of %v", bulk.Actions())
		return f.Err()
	}
	needs(!i.id.IsZero(), i.action != bulk.Create, "/id")
	if i.action != bulk.Delete {
		needs(i.version != nil, i.action == bulk.Update, "/version")
	}
	needs(i.whole, i.action != bulk.Delete, "/"+noun)
	if i.version != nil && *i.version < 0 {
		f.Add("/version", "range", "must be a version, or 0 for any")
	}
	return f.Err()
}

// matches refuses another version than the one that the item names, as If-Match does.
func (i bulkItem) matches(version int) error {
	if i.version == nil || *i.version == 0 || *i.version == version {
		return nil
	}
	return versionMismatch(version)
}

// refuse notes what is wrong with the resource of an item.
func (b *bulkCall) refuse(n int, err error) {
	b.errs[n] = within(err, b.place(n))
}

func (r bulkRoute) place(n int) string { return itemPlace(n) + "/" + r.noun }

// hopeless says that nothing would be written, whatever is stored.
func (b *bulkCall) hopeless() bool { return b.Mode == bulk.AllOrNothing && len(b.errs) > 0 }

// within is err with its pointers below a place.
func within(err error, place string) error {
	var known *fault.Error
	if !errors.As(err, &known) || len(known.Fields) == 0 {
		return err
	}
	placed := *known
	placed.Fields = make([]fault.Field, 0, min(len(known.Fields), maxItemErrors))
	for _, f := range known.Fields[:cap(placed.Fields)] {
		placed.Fields = append(placed.Fields, fault.Field{Pointer: place + f.Pointer, Code: f.Code, Detail: f.Detail})
	}
	return &placed
}
