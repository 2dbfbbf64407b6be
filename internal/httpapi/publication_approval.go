package httpapi

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/publication"
)

// approve lets a publication go its way: 202. Whoever does has to name the version that they looked at, in the body or as If-Match,
// and is neither who made it nor who changed it last.
func (h publications) approve(c *gin.Context) error {
	in, err := optional[wire.ApproveInput](c, nil)
	if err != nil {
		return err
	}
	if in.Version == 0 {
		if err := needMatch(c); err != nil {
			return err
		}
		if strings.TrimSpace(c.GetHeader("If-Match")) == "*" {
			return fault.New(fault.Conflict, codeNoPrecondition, "Say which version was looked at: any will not do.")
		}
	}
	return h.decide(c, publication.Verdict{Approve: true}, in.Version, http.StatusAccepted)
}

// reject keeps a publication a draft, and says why: 200. A change, or publishing it again, asks anew.
func (h publications) reject(c *gin.Context) error {
	in, err := decode[wire.RejectInput](c, limitOther, parsing(rejectionOf))
	if err != nil {
		return err
	}
	verdict, err := rejectionOf(in)
	if err != nil {
		return err
	}
	return h.decide(c, verdict, in.Version, http.StatusOK)
}

func rejectionOf(in wire.RejectInput) (publication.Verdict, error) {
	reason := strings.TrimSpace(in.Reason)
	var f fault.Fields
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		f.Add("/reason", "required", "must have 1 to %d characters", publication.MaxReason)
	case n > publication.MaxReason:
		f.Add("/reason", "too_long", "must have at most %d characters", publication.MaxReason)
	}
	return publication.Verdict{Reason: reason}, f.Err()
}

// decide stores a verdict about a version; 0 is the one that If-Match names, or any.
func (h publications) decide(c *gin.Context, v publication.Verdict, version, status int) error {
	if err := knownQuery(c); err != nil {
		return err
	}
	uid, err := pathID(c)
	if err != nil {
		return err
	}
	p, err := h.store.DecidePublication(c.Request.Context(), uid, func(now int) error {
		if version != 0 && version != now {
			return versionMismatch(now)
		}
		return ifMatch(c, now)
	}, v)
	if err != nil {
		return err
	}
	h.nudged(p.State)
	setETag(c, p.Version)
	c.PureJSON(status, showPublication(p))
	return nil
}
