package httpapi

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/canonical"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/subscriber"
)

// Sealer keeps what a client carries for us and is not to read, for a context that has to be named again to open it.
type Sealer interface {
	Seal(plaintext []byte, context string) []byte
	Open(sealed []byte, context string) ([]byte, error)
	// Mark is a keyed hash, by which data is known again that is not stored.
	Mark(data []byte) []byte
}

// maxPrefix is the length of the longest address.
const maxPrefix = 254

// filterNames are the query parameters that readFilter reads.
func filterNames() []string {
	return []string{"email", "q", "topic", "status", "country", "language", "created_after", "created_before", "attributes"}
}

// readFilter reads what narrows a list of subscribers.
func readFilter(c *gin.Context) (subscriber.Filter, error) {
	q := queryReader{c: c}
	email := q.text("email")
	f := subscriber.Filter{
		EmailPrefix: strings.ToLower(strings.TrimSpace(email)), Search: strings.TrimSpace(q.text("q")),
		Status: subscriber.Status(q.text("status")), From: q.time("created_after"), Until: q.time("created_before"),
		Topic:   q.canonical("topic", canonical.Topic),
		Country: q.canonical("country", canonical.Country), Language: q.canonical("language", canonical.Language),
		Attributes: q.attributes("attributes"),
	}
	if email != "" && (len(email) > maxPrefix || f.EmailPrefix == "") {
		q.refuse(badQuery("email", "must be the beginning of an address"))
	}
	if search, given := c.GetQuery("q"); given && (f.Search == "" || utf8.RuneCountInString(search) > subscriber.MaxSearch) {
		q.refuse(badQuery("q", "must be up to %d characters of an address or a name", subscriber.MaxSearch))
	}
	if f.Status != "" && !slices.Contains(subscriber.Statuses(), f.Status) {
		q.refuse(badQuery("status", "must be pending, active or unsubscribed"))
	}
	return f, q.err
}

// canonical is a parameter in its canonical form, "" if it is absent.
func (q *queryReader) canonical(name string, read func(string) (string, error)) string {
	text := q.text(name)
	if text == "" {
		return ""
	}
	value, err := read(text)
	if err != nil {
		q.refuse(badQuery(name, "%s", err))
	}
	return value
}

// attributes is a parameter that is a JSON object of attributes, nil if it is absent.
func (q *queryReader) attributes(name string) map[string]any {
	text := q.text(name)
	if text == "" {
		return nil
	}
	list, err := subscriber.SearchAttributes(text)
	var invalid *fault.Error
	if errors.As(err, &invalid) && len(invalid.Fields) > 0 {
		q.refuse(badQuery(name, "%s", invalid.Fields[0].Detail))
	}
	return list
}

// positionContext is what cursors with addresses in them are sealed for.
const positionContext = "cursor of subscribers"

// position is the cursor after s. Where the order is not that of ids it holds an address or a time: what stands in logs and
// histories as part of a request's path must not say whose, so it is sealed.
func (h subscribers) position(f subscriber.Filter, s subscriber.Subscriber) string {
	if f.Order() == subscriber.ByID {
		return cursor("subscribers", s.ID)
	}
	return base64.RawURLEncoding.EncodeToString(h.sealer.Seal(subscriber.PositionOf(s).Bytes(), positionContext))
}

// readPosition reads ?cursor= of the list that a filter makes.
func (h subscribers) readPosition(c *gin.Context, f subscriber.Filter) (subscriber.Position, error) {
	var none subscriber.Position
	text, given := c.GetQuery("cursor")
	if !given {
		return none, nil
	}
	if f.Order() == subscriber.ByID {
		id, ok := readCursor("subscribers", text)
		if !ok {
			return none, errCursor()
		}
		return subscriber.Position{ID: id}, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return none, errCursor()
	}
	plain, err := h.sealer.Open(sealed, positionContext)
	if err != nil {
		return none, errCursor()
	}
	p, err := subscriber.ReadPosition(plain)
	if err != nil {
		return none, errCursor()
	}
	return p, nil
}
