package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// update replaces a publication that has not begun: 200. It is resolved and checked exactly as a new one. If-Match is
// required: an update that gets lost is a mail to the wrong people.
func (h publications) update(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := knownQuery(c); err != nil {
		return err
	}
	if err := needMatch(c); err != nil {
		return err
	}
	in, err := decode[wire.PublicationInput](c, limitPublication, h.meaning)
	if err != nil {
		return err
	}
	return h.change(c, uid, requestOf(in), publication.Change{Verb: "update"}, matching(c))
}

// rollback makes a publication what it was at a version, if all that it names is still there: 200, and a new version.
func (h publications) rollback(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := knownQuery(c); err != nil {
		return err
	}
	ctx := c.Request.Context()
	in, err := decode[wire.RollbackInput](c, limitOther, func(in wire.RollbackInput) error {
		_, err := h.had(ctx, uid, in.Version)
		return err
	})
	if err != nil {
		return err
	}
	now, err := h.had(ctx, uid, in.Version)
	if err != nil {
		return err
	}
	back, err := h.store.PublicationVersion(ctx, uid, in.Version)
	if err != nil {
		return err
	}
	return h.change(c, uid, back.Request, publication.Change{Verb: "rollback"}, unchanged(c, now))
}

// had refuses a version that a publication never had, and says which one it has now.
func (h publications) had(ctx context.Context, uid ident.UID, version int) (now int, err error) {
	_, now, err = h.store.PublicationNow(ctx, uid)
	if err == nil && (version < 1 || version > now) {
		err = invalid("/version", "unknown_version", "must be a version that the publication had")
	}
	return now, err
}

// change resolves a request and stores it as what the publication is.
func (h publications) change(
	c *gin.Context, uid ident.UID, in publication.Request, change publication.Change, check func(version int) error,
) error {
	ctx := c.Request.Context()
	var err error
	if change.Resolved, change.Review, err = h.resolve(ctx, in); err != nil {
		return err
	}
	p, err := h.store.ChangePublication(ctx, uid, check, change)
	if err != nil {
		return err
	}
	h.nudged(p.State)
	status := http.StatusOK
	if change.Publish {
		status = http.StatusAccepted
	}
	setETag(c, p.Version)
	c.PureJSON(status, showPublication(p))
	return nil
}

// publish sends a draft on its way: 202. It is resolved anew, so that contents and templates go out as they stand now. Without
// schedule_at it keeps the draft's time; an empty one is at once.
func (h publications) publish(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	dry, err := dryRun(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	in, err := optional[wire.PublishInput](c, func(in wire.PublishInput) error {
		return h.meaningOver(ctx, uid, func(draft publication.Request) publication.Request { return published(draft, in) })
	})
	if err != nil {
		return err
	}
	draft, now, err := h.store.PublicationNow(ctx, uid)
	if err != nil {
		return err
	}
	request := published(draft.Request, in)
	if dry {
		return h.foreseeDraft(c, uid, request)
	}
	return h.change(c, uid, request, publication.Change{Verb: "publish", Publish: true}, unchanged(c, now))
}

// published is a draft as it goes out.
func published(draft publication.Request, in wire.PublishInput) publication.Request {
	if draft.Draft = false; in.ScheduleAt != nil {
		draft.ScheduleAt = *in.ScheduleAt
	}
	return draft
}

// meaningOver is the meaning of a body that says what shall be other than what is stored.
func (h publications) meaningOver(ctx context.Context, uid ident.UID, over func(publication.Request) publication.Request) error {
	stored, _, err := h.store.PublicationNow(ctx, uid)
	if err != nil {
		return err
	}
	_, err = h.parse(over(stored.Request))
	return err
}

// unchanged refuses another version than the one that was read, and first one that If-Match does not name.
func unchanged(c *gin.Context, read int) func(version int) error {
	return func(version int) error {
		if err := ifMatch(c, version); err != nil {
			return err
		}
		if version != read {
			return fault.New(fault.Conflict, "changed_meanwhile", "It was changed just now: look at it again.")
		}
		return nil
	}
}

// cloneDigest is the same for requests that ask for the same clone, whatever became of the origin meanwhile.
func cloneDigest(origin ident.UID, in wire.CloneInput) ([sha256.Size]byte, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("encode a request: %w", err)
	}
	return sha256.Sum256(append([]byte("clone of "+origin.String()+" "), text...)), nil
}

// clone stores a new publication like another, whatever state that is in: 202. Contents and templates are those of now; the
// time is not taken over. Unless told otherwise it is a draft: somebody should look at a copy before it goes out. A digest of what
// was held back is refused: it has no audience that a request could name, and those who got it have had it.
func (h publications) clone(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	in, err := optional[wire.CloneInput](c, func(in wire.CloneInput) error {
		return h.meaningOver(c.Request.Context(), uid, func(origin publication.Request) publication.Request { return cloned(origin, in) })
	})
	if err != nil {
		return err
	}
	digest, err := cloneDigest(uid, in)
	if err != nil {
		return err
	}
	accepted, err := h.copy(c.Request.Context(), in, publication.Submission{Key: key, Digest: digest, Origin: uid})
	if err != nil {
		return err
	}
	return answerAccepted(c, strings.TrimSuffix(c.Request.URL.Path, c.Param("id")+"/clone"), accepted)
}

// copy stores what a clone asks for. One that was stored before is answered as then, though its origin may be gone.
func (h publications) copy(ctx context.Context, in wire.CloneInput, s publication.Submission) (publication.Accepted, error) {
	origin, _, err := h.store.PublicationNow(ctx, s.Origin)
	if fault.Is(err, fault.NotFound) {
		return h.earlier(ctx, s, err)
	}
	if err != nil {
		return publication.Accepted{}, err
	}
	if origin.Gathered {
		return publication.Accepted{}, fault.New(fault.Conflict, "not_cloneable",
			"It is a digest of what was held back for its readers, each of whom got something else.")
	}
	return h.accept(ctx, cloned(origin.Request, in), s)
}

func cloned(origin publication.Request, in wire.CloneInput) publication.Request {
	origin.Draft, origin.ScheduleAt = in.Draft == nil || *in.Draft, in.ScheduleAt
	if in.Title != nil {
		origin.Title = *in.Title
	}
	return origin
}

// remove deletes a publication that never began: 204.
func (h publications) remove(c *gin.Context) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	if err := h.store.DeletePublication(c.Request.Context(), uid, matching(c)); err != nil {
		return err
	}
	return gone(c)
}

// nudged has the first task of a publication that was queued brought to the queue at once.
func (h publications) nudged(state publication.State) {
	if state == publication.Queued && h.poke != nil {
		h.poke()
	}
}

// optional is decode for a body that may be absent.
func optional[T any](c *gin.Context, m meaning[T]) (T, error) {
	if c.Request.ContentLength == 0 {
		var none T
		return none, nil
	}
	return decode[T](c, limitOther, m)
}

// review reports whether somebody else has to approve the publication: its request asks, or its audience is as large as the
// settings say. Who is in an audience that is not named is counted only then.
func (h publications) review(ctx context.Context, r publication.Resolved) (bool, error) {
	switch {
	case r.Draft:
		return false, nil // it goes nowhere yet
	case r.Approval || h.approvalOver == 1:
		return true, nil
	case h.approvalOver <= 0 || !r.Personal():
		return false, nil
	}
	n := len(r.AudienceIDs.Subscribers)
	if n == 0 {
		var err error
		if n, err = h.store.CountAudience(ctx, r.AudienceIDs, h.approvalOver); err != nil {
			return false, err
		}
	}
	return n >= h.approvalOver, nil
}
