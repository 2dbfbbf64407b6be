package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/tally"
)

// Bounds of a page of a list.
const (
	defaultLimit = 50
	maxLimit     = 200
)

// page is where a list goes on: at most Limit items with ids above After.
type page struct {
	After int64
	Limit int
	// wantsTotal says that ?total=true asks how many there are in all, which is found by count.
	wantsTotal bool
	total      *tally.Total
}

// count finds how many there are in all, of the filter of the list, if that is asked.
func (p *page) count(c *gin.Context, total func(context.Context) (tally.Total, error)) error {
	if !p.wantsTotal {
		return nil
	}
	found, err := total(c.Request.Context())
	p.total = &found
	return err
}

// pageOf is the body of a page.
func pageOf[T any](p page, items []T, next string) wire.Page[T] {
	body := wire.Page[T]{Items: items, Next: next}
	if p.total != nil {
		body.Total, body.TotalIsEstimate = &p.total.N, &p.total.Estimate
	}
	return body
}

// readPage reads ?limit=, ?cursor= and ?total= of the list called name, and refuses parameters that are neither
// those nor among others: a misspelt filter must not answer everything.
func readPage(c *gin.Context, name string, others ...string) (page, error) {
	p, err := readBounds(c, others...)
	if err != nil {
		return p, err
	}
	if text, given := c.GetQuery("cursor"); given {
		after, ok := readCursor(name, text)
		if !ok {
			return p, errCursor()
		}
		p.After = after
	}
	return p, nil
}

func errCursor() error { return badQuery("cursor", "is not one that this list has given") }

// readBounds is readPage for a list whose cursor is not an id: that is left to be read.
func readBounds(c *gin.Context, others ...string) (page, error) {
	p := page{Limit: defaultLimit}
	if err := knownQuery(c, append(others, "limit", "cursor", "total")...); err != nil {
		return p, err
	}
	if text, given := c.GetQuery("limit"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return p, badQuery("limit", "must be a number from 1 to %d", maxLimit)
		}
		p.Limit = n
	}
	if text, given := c.GetQuery("total"); given {
		if text != "true" && text != "false" {
			return p, badQuery("total", "must be true or false")
		}
		p.wantsTotal = text == "true"
	}
	return p, nil
}

func badQuery(name, format string, args ...any) error {
	return fault.New(fault.Malformed, "invalid_query", "The query parameter "+name+" "+fmt.Sprintf(format, args...)+".")
}

// answerPage answers with one page of rows. It is given up to limit+1 of them: the one too many says that
// there is a next page. id is a row's key, show its JSON form.
func answerPage[R, T any](c *gin.Context, name string, p page, rows []R, id func(R) int64, show func(R) T) error {
	rows, next := cut(p, rows, func(last R) string { return cursor(name, id(last)) })
	items := make([]T, 0, len(rows))
	for _, row := range rows {
		items = append(items, show(row))
	}
	c.PureJSON(http.StatusOK, pageOf(p, items, next))
	return nil
}

// cut takes the row off that is one too many, and says where the list goes on; "" at its end.
func cut[R any](p page, rows []R, after func(R) string) (most []R, next string) {
	if len(rows) <= p.Limit {
		return rows, ""
	}
	return rows[:p.Limit], after(rows[p.Limit-1])
}

// answerRows is answerPage with cursors of the list's own: after says where it goes on after a row.
func answerRows[R, T any](c *gin.Context, p page, rows []R, after func(R) string, show func(R) T) error {
	rows, next := cut(p, rows, after)
	items := make([]T, 0, len(rows))
	for _, row := range rows {
		items = append(items, show(row))
	}
	c.PureJSON(http.StatusOK, pageOf(p, items, next))
	return nil
}

// cursor is an opaque position in the list called name. Its check sum catches cursors that are cut,
// altered or of another list; it is no secret, since any position is allowed.
func cursor(name string, id int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(id)) //nolint:gosec // ids are positive
	return base64.RawURLEncoding.EncodeToString(append(b, cursorSum(name, b)...))
}

func cursorSum(name string, b []byte) []byte {
	sum := sha256.Sum256(append([]byte("cursor of "+name+"\x00"), b...))
	return sum[:8]
}

func readCursor(name, text string) (int64, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 16 || subtle.ConstantTimeCompare(b[8:], cursorSum(name, b[:8])) != 1 {
		return 0, false
	}
	id := int64(binary.BigEndian.Uint64(b)) //nolint:gosec // checked below
	return id, id > 0
}
