package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/token"
)

// TokenVerifier reads the tokens of links in messages.
type TokenVerifier interface {
	Verify(text string) (token.Recipient, error)
}

// LinkStore knows where links lead. A link never changes.
type LinkStore interface {
	Link(ctx context.Context, publication int64, n int16) (string, error)
}

// EventRecorder keeps events. It must not block.
type EventRecorder interface {
	Record(e analytics.Event)
}

type tracking struct {
	tokens TokenVerifier
	links  *linkCache
	events EventRecorder
}

// registerTracking has the routes that mails point to, open to everybody. A link names a stored address by
// its number, never the address: there is no open redirect.
func registerTracking(r gin.IRouter, d Deps) {
	h := tracking{d.Tokens, &linkCache{store: d.Links}, d.Events}
	methods := []string{http.MethodGet, http.MethodHead}
	r.Match(methods, "/t/o/:token", handle(h.open))
	r.Match(methods, "/t/c/:token/:n", handle(h.click))
}

// pixel is the smallest transparent GIF.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func (h tracking) open(c *gin.Context) error {
	text, ok := strings.CutSuffix(c.Param("token"), ".gif")
	r, err := h.tokens.Verify(text)
	if err != nil || !ok {
		return errNoSuchLink()
	}
	h.record(c, r, analytics.Open, analytics.NoLink)
	c.Header("Cache-Control", "no-store, private")
	c.Data(http.StatusOK, "image/gif", []byte(pixel))
	return nil
}

func (h tracking) click(c *gin.Context) error {
	r, err := h.tokens.Verify(c.Param("token"))
	n, parseErr := strconv.ParseInt(c.Param("n"), 10, 16)
	if err != nil || parseErr != nil || n < 0 {
		return errNoSuchLink()
	}
	address, err := h.links.find(c.Request.Context(), r.Publication, int16(n))
	if fault.Is(err, fault.NotFound) {
		return errNoSuchLink()
	}
	if err != nil {
		return err
	}
	h.record(c, r, analytics.Click, int16(n))
	c.Header("Cache-Control", "no-store, private")
	c.Header("X-Robots-Tag", "noindex")
	c.Redirect(http.StatusFound, address)
	return nil
}

// record keeps an event. Somebody who only asks for the headers has not looked.
func (h tracking) record(c *gin.Context, r token.Recipient, kind analytics.Kind, link int16) {
	if c.Request.Method == http.MethodHead {
		return
	}
	h.events.Record(analytics.Event{
		At: time.Now(), Kind: kind, Publication: r.Publication, Channel: r.Channel, Recipient: r.Recipient, Link: link,
	})
}

func errNoSuchLink() error {
	return fault.New(fault.NotFound, "no_such_link", "This link is not valid. It may have been cut off.")
}

// maxLinks bounds each of the cache's two generations: some 1 MB of addresses.
const maxLinks = 8192

type linkKey struct {
	publication int64
	n           int16
}

// linkCache remembers addresses. When the young generation is full it becomes the old one, which is
// forgotten: what is in use comes back from there without asking the store.
type linkCache struct {
	store      LinkStore
	mu         sync.Mutex
	young, old map[linkKey]string
}

func (l *linkCache) find(ctx context.Context, publication int64, n int16) (string, error) {
	key := linkKey{publication, n}
	l.mu.Lock()
	address, known := l.young[key]
	if !known {
		if address, known = l.old[key]; known {
			l.keep(key, address)
		}
	}
	l.mu.Unlock()
	if known {
		return address, nil
	}
	address, err := l.store.Link(ctx, publication, n)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(key, address)
	return address, nil
}

// keep is called with the lock held.
func (l *linkCache) keep(key linkKey, address string) {
	if l.young == nil || len(l.young) >= maxLinks {
		l.old, l.young = l.young, make(map[linkKey]string)
	}
	l.young[key] = address
}
