package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/segment"
	"github.com/presswork/presswork/internal/tally"
)

// SnapshotStore keeps who belonged to segments at some moments.
type SnapshotStore interface {
	TakeSnapshot(ctx context.Context, uid ident.UID) (segment.Snapshot, error)
	Snapshot(ctx context.Context, uid ident.UID) (segment.Snapshot, error)
	ListSnapshots(ctx context.Context, of int32, before int64, limit int) ([]segment.Snapshot, error)
	TotalSnapshots(ctx context.Context, of int32) (tally.Total, error)
	DeleteSnapshot(ctx context.Context, uid ident.UID) error
	SnapshotMembers(ctx context.Context, snapshot, after int64, limit int) (members []ident.UID, next int64, err error)
	CompareSnapshots(ctx context.Context, before, after segment.Snapshot) (segment.Change, error)
	CompareWithNow(ctx context.Context, before segment.Snapshot) (segment.Change, error)
}

// snapshotsPause is after how long taking a snapshot is worth trying again.
const snapshotsPause = 5 * time.Second

func showSnapshot(s segment.Snapshot) (wire.SegmentSnapshot, error) {
	shown := wire.SegmentSnapshot{ID: s.UID, Segment: s.Segment, Version: s.Version, Words: inWords(s.Rule), Count: s.Count, CreatedAt: s.CreatedAt.UTC()}
	return shown, json.Unmarshal(segment.Encode(s.Rule), &shown.Rule)
}

func (h segments) snapshots(c *gin.Context) error {
	p, err := readPage(c, "segment-snapshots")
	if err != nil {
		return err
	}
	s, err := h.find(c)
	if err != nil {
		return err
	}
	rows, err := h.store.ListSnapshots(c.Request.Context(), s.ID, p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalSnapshots(ctx, s.ID) }); err != nil {
		return err
	}
	var failed error
	show := func(s segment.Snapshot) wire.SegmentSnapshot {
		shown, err := showSnapshot(s)
		failed = cmp.Or(failed, err)
		return shown
	}
	if err := answerPage(c, "segment-snapshots", p, rows, func(s segment.Snapshot) int64 { return s.ID }, show); err != nil {
		return err
	}
	return failed
}

func (h segments) takeSnapshot(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	select {
	case h.taking <- struct{}{}:
		defer func() { <-h.taking }()
	default:
		return fault.WaitFor(snapshotsPause, "snapshots_busy", nil)
	}
	// A lost connection must not stop it half-way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), transferTimeout)
	defer cancel()
	s, err := h.store.TakeSnapshot(ctx, uid)
	if err != nil {
		return err
	}
	body, err := showSnapshot(s)
	if err != nil {
		return err
	}
	c.Header("Location", "/api/v1/segment-snapshots/"+s.UID.String())
	c.PureJSON(http.StatusCreated, body)
	return nil
}

func (h segments) findSnapshot(c *gin.Context) (segment.Snapshot, error) {
	uid, err := pathID(c)
	if err != nil {
		return segment.Snapshot{}, err
	}
	return h.store.Snapshot(c.Request.Context(), uid)
}

func (h segments) snapshot(c *gin.Context) error {
	s, err := h.findSnapshot(c)
	if err != nil {
		return err
	}
	body, err := showSnapshot(s)
	if err != nil {
		return err
	}
	return found(c, 0, body)
}

func (h segments) deleteSnapshot(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteSnapshot(c.Request.Context(), uid); err != nil {
		return err
	}
	return gone(c)
}

func (h segments) members(c *gin.Context) error {
	p, err := readPage(c, "snapshot-members")
	if err != nil {
		return err
	}
	s, err := h.findSnapshot(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	uids, next, err := h.store.SnapshotMembers(ctx, s.ID, p.After, p.Limit)
	if err != nil {
		return err
	}
	if len(uids) > 0 {
		if err := h.store.RecordAccess(ctx, "list", ident.UID{}, len(uids)); err != nil {
			return err
		}
	}
	if err := p.count(c, func(context.Context) (tally.Total, error) { return tally.Total{N: s.Count}, nil }); err != nil {
		return err
	}
	items, more := make([]wire.SnapshotMember, 0, len(uids)), ""
	for _, uid := range uids {
		items = append(items, wire.SnapshotMember{ID: uid})
	}
	if next > 0 {
		more = cursor("snapshot-members", next)
	}
	c.PureJSON(http.StatusOK, pageOf(p, items, more))
	return nil
}

func (h segments) changes(c *gin.Context) error {
	if err := knownQuery(c, "to"); err != nil {
		return err
	}
	before, err := h.findSnapshot(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	var change segment.Change
	if text, given := c.GetQuery("to"); given {
		uid, err := ident.Parse(text)
		if err != nil || uid.IsZero() {
			return badQuery("to", "must be the id of a snapshot")
		}
		after, err := h.store.Snapshot(ctx, uid)
		if err != nil {
			return err
		}
		if after.Segment != before.Segment {
			return badQuery("to", "must be a snapshot of the same segment")
		}
		change, err = h.store.CompareSnapshots(ctx, before, after)
		if err != nil {
			return err
		}
	} else if change, err = h.store.CompareWithNow(ctx, before); err != nil {
		return err
	}
	c.PureJSON(http.StatusOK, wire.SnapshotChanges{Before: change.Before, After: change.After, Added: change.Added, Removed: change.Removed})
	return nil
}
