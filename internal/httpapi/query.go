package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

// knownQuery refuses query parameters that are not named, given twice, or no text that PostgreSQL could compare with.
func knownQuery(c *gin.Context, names ...string) error {
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return fault.New(fault.Malformed, "invalid_query", "The query cannot be read.")
	}
	for name, values := range query {
		if !slices.Contains(names, name) {
			return fault.New(fault.Malformed, "invalid_query", "There is a query parameter that is not known here.")
		}
		if len(values) > 1 {
			return badQuery(name, "must be given once")
		}
		if !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return badQuery(name, "must be UTF-8 without the character U+0000")
		}
	}
	return nil
}

// queryReader reads the parameters that narrow a list, and keeps the first error. One that is given and empty is an error:
// a variable that a script forgot to set must not choose everything.
type queryReader struct {
	c   *gin.Context
	err error
}

func (q *queryReader) refuse(err error) {
	if q.err == nil {
		q.err = err
	}
}

// text is a parameter, "" if it is absent.
func (q *queryReader) text(name string) string {
	text, given := q.c.GetQuery(name)
	if given && text == "" {
		q.refuse(badQuery(name, "must not be empty"))
	}
	return text
}

// id is nil if the parameter is absent.
func (q *queryReader) id(name string) *ident.UID {
	text := q.text(name)
	if text == "" {
		return nil
	}
	uid, err := ident.Parse(text)
	if err != nil || uid.IsZero() { // to some filters the zero one is any
		q.refuse(badQuery(name, "must be a UUID"))
	}
	return &uid
}

// time is nil if the parameter is absent.
func (q *queryReader) time(name string) *time.Time {
	text := q.text(name)
	if text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.IsZero() { // as with ids
		q.refuse(badQuery(name, "must be an RFC 3339 time"))
	}
	return &at
}

// kind is a kind of channels, "" if the parameter is absent.
func (q *queryReader) kind(name string) channel.Kind {
	text := q.text(name)
	if text == "" {
		return ""
	}
	kind, err := channel.ParseKind(text)
	if err != nil {
		q.refuse(badQuery(name, "must be one of %v", channel.Kinds()))
	}
	return kind
}

// filled is the text of a member that narrows a choice, "" if it is absent. As in a query, empty is refused.
func filled[T ~string](f *fault.Fields, pointer string, text *T) string {
	if text == nil {
		return ""
	}
	if *text == "" {
		f.Add(pointer, "empty", "must not be empty: leave it out")
	}
	return string(*text)
}

// maxGroups bounds how many counts are shown: the others are left out.
const maxGroups = 200

// answerCounts answers with what count finds for the filter that read finds in the query: one page.
func answerCounts[F, R, T any](
	c *gin.Context, read func(*gin.Context) (F, error), count func(context.Context, F, int) ([]R, error), show func(R) T,
) error {
	f, err := read(c)
	if err != nil {
		return err
	}
	rows, err := count(c.Request.Context(), f, maxGroups)
	if err != nil {
		return err
	}
	items := make([]T, 0, len(rows))
	for _, row := range rows {
		items = append(items, show(row))
	}
	c.PureJSON(http.StatusOK, wire.Page[T]{Items: items})
	return nil
}
