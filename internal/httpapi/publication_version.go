package httpapi

import (
	"context"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/tally"
)

func showVersionHead(v publication.Version) wire.PublicationVersionHead {
	return wire.PublicationVersionHead{Version: v.Number, ChangedBy: v.ChangedBy, ChangedAt: v.ChangedAt.UTC(), CorrelationID: v.CorrelationID}
}

// versions is newest first: each that made the publication something else. In between its number also rose when it was
// paused, resumed or decided about.
func (h publications) versions(c *gin.Context) error {
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	name := "versions of " + uid.String()
	p, err := readPage(c, name)
	if err != nil {
		return err
	}
	rows, err := h.store.PublicationVersions(c.Request.Context(), uid, publication.Versions{Before: int(p.After), Limit: p.Limit + 1})
	if err != nil {
		return err
	}
	if err := p.count(c, func(ctx context.Context) (tally.Total, error) { return h.store.TotalVersions(ctx, uid) }); err != nil {
		return err
	}
	return answerPage(c, name, p, rows, func(v publication.Version) int64 { return int64(v.Number) }, showVersionHead)
}

// version is what the publication was when its version had a number.
func (h publications) version(c *gin.Context) error {
	v, err := h.readVersion(c, c.Param("version"))
	if err != nil {
		return err
	}
	return shownWhole(c, wire.PublicationVersion{
		Version: v.Number, ChangedBy: v.ChangedBy, ChangedAt: v.ChangedAt.UTC(), CorrelationID: v.CorrelationID,
		Request: showRequest(v.Request), Contents: showEach(v.Contents, showPin), Templates: showPins(v.Templates),
	})
}

func (h publications) readVersion(c *gin.Context, text string) (publication.Version, error) {
	uid, err := pathID(c)
	if err != nil {
		return publication.Version{}, err
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return publication.Version{}, fault.New(fault.NotFound, "no_such_version", "The publication never had this version.")
	}
	return h.store.PublicationVersion(c.Request.Context(), uid, int(number))
}

// diff compares a version with the one that ?to= names. Pointers are into a version's request, with "contents" and "templates" in
// place of their ids.
func (h publications) diff(c *gin.Context) error {
	if err := knownQuery(c, "to"); err != nil {
		return err
	}
	if _, given := c.GetQuery("to"); !given {
		return badQuery("to", "must be the number of a version")
	}
	from, err := h.readVersion(c, c.Param("version"))
	if err != nil {
		return err
	}
	to, err := h.readVersion(c, c.Query("to"))
	if err != nil {
		return err
	}
	before, err := from.Document()
	if err != nil {
		return err
	}
	after, err := to.Document()
	if err != nil {
		return err
	}
	return found(c, 0, wire.PublicationDiff{From: from.Number, To: to.Number, Differences: showEach(publication.Diff(before, after), showDifference)})
}

// showDifference leaves out what there was nothing of.
func showDifference(d publication.Difference) wire.Difference {
	shown := wire.Difference{Path: d.Path}
	if d.From != nil {
		shown.From = d.From
	}
	if d.To != nil {
		shown.To = d.To
	}
	return shown
}
