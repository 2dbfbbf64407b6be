// Package pages is what subscribers see in their browser: unsubscribing, and the public archive with its feed. The pages
// work without JavaScript and without cookies; what a visitor may do follows from the signed token in the
// link, and no page loads anything from elsewhere.
package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/token"
)

// Deps is what the pages stand on.
type Deps struct {
	Log *zap.Logger
	// Organisation is the name in the pages' heads.
	Organisation string
	// Tokens reads the tokens of links in messages.
	Tokens interface {
		Verify(text string) (token.Recipient, error)
	}
	// Tickets reads those of our own letters.
	Tickets Tickets
	Readers Readers
	// Brands are the faces of the organisation; nil: there are none.
	Brands Brands
	// Subscriptions is how readers come and choose; nil: there are no pages for it.
	Subscriptions Subscriptions
	// Client is the address that a request came from; nil: it is not noted.
	Client  func(ctx context.Context) string
	Archive Archive
	Images  Images
	Listing Listing
	// PublicURL stands before the addresses in the feed, without a slash at its end.
	PublicURL string
	// Index lets search engines list the archive; unsubscribe pages are never listed.
	Index bool
}

// Readers knows subscribers and lets them leave.
type Readers interface {
	// Recipient is a subscriber who got a publication, NotFound if they are no more.
	Recipient(ctx context.Context, publication, subscriber int64) (publication.Recipient, error)
	// Unsubscribe may be repeated.
	Unsubscribe(ctx context.Context, u publication.Unsubscription) error
}

// Archive renders publications for anonymous readers.
type Archive interface {
	// Archive is a whole HTML document in the language that fits best, and the slug of its brand, empty of none; or NotFound if
	// the publication has no public page.
	Archive(ctx context.Context, uid ident.UID, language string) (html, brand string, err error)
	// Article is what a newsletter says, by its internal id, without its frame. It is GiveUp if it cannot be read.
	Article(ctx context.Context, publication int64, language string) (edition.Article, error)
}

// Listing knows which publications the archive lists.
type Listing interface {
	// ArchiveList is NotFound if Before is unknown, and empty for an unknown topic.
	ArchiveList(ctx context.Context, f publication.ArchiveFilter) (publication.ArchiveList, error)
}

// Pages is the handler of everything below /p/, by New. It is safe for concurrent use.
type Pages struct {
	Deps
	views *views
	// feeds are by their entity tag, which says everything about one.
	feeds *keep.Values[string, []byte]
	guard http.Handler
}

// New is the handler of everything below /p/. It is safe for concurrent use and starts nothing. It fails
// only if the pages of this build are broken.
func New(d Deps) (*Pages, error) {
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	views, err := loadViews()
	if err != nil {
		return nil, fmt.Errorf("load the pages: %w", err)
	}
	p := &Pages{Deps: d, views: views, feeds: keep.New[string](keptFeeds, func(feed []byte) int { return len(feed) })}
	mux := http.NewServeMux()
	mux.Handle("GET /p/u/{token}", p.handle(p.askUnsubscribe))
	mux.Handle("POST /p/u/{token}", p.handle(p.unsubscribe))
	if d.Subscriptions != nil {
		p.handleSubscriptions(mux)
	}
	mux.Handle("GET /p/n/{uid}", p.handle(p.archive))
	mux.Handle("GET "+ImagePath+"{uid}", p.handle(p.image))
	mux.Handle("GET /p/archive", p.handle(p.archiveList))
	mux.Handle("GET /p/archive.atom", p.handle(p.feed))
	mux.Handle("/p/", p.handle(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "not_found", "")
	}))
	if p.guard, err = p.sameOrigin(mux); err != nil {
		return nil, err
	}
	return p, nil
}

// handleSubscriptions has the pages on which readers come and choose.
func (p *Pages) handleSubscriptions(mux *http.ServeMux) {
	mux.Handle("GET /p/subscribe", p.handle(p.askSubscribe))
	mux.Handle("POST /p/subscribe", p.handle(p.subscribe))
	mux.Handle("GET /p/confirm/{token}", p.handle(p.askConfirm))
	mux.Handle("POST /p/confirm/{token}", p.handle(p.confirm))
	mux.Handle("GET /p/preferences", p.handle(p.askPreferences))
	mux.Handle("POST /p/preferences", p.handle(p.mailPreferences))
	mux.Handle("GET /p/preferences/{token}", p.handle(p.preferences))
	mux.Handle("POST /p/preferences/{token}", p.handle(p.choose))
}

// ServeHTTP answers everything below /p/.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.guard.ServeHTTP(w, r) }

// Busy tells a reader that they ask too often: 429. When to come back is for the caller to say, in Retry-After.
func (p *Pages) Busy(w http.ResponseWriter, r *http.Request) {
	p.handle(func(http.ResponseWriter, *http.Request) error { return fault.New(fault.Wait, "rate_limited", "") }).ServeHTTP(w, r)
}

// sameOrigin refuses what the page of another site makes a browser post. Mail providers pass: their one-click requests
// (RFC 8058) come from no browser, with neither Sec-Fetch-Site nor Origin.
//
// The own origin is also trusted as it is known outside, where a proxy changes the name of the host.
func (p *Pages) sameOrigin(next http.Handler) (http.Handler, error) {
	guard := http.NewCrossOriginProtection()
	if u, err := url.Parse(p.PublicURL); err == nil && u.Host != "" {
		if err := guard.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, fmt.Errorf("trust the own origin: %w", err)
		}
	}
	guard.SetDenyHandler(p.handle(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Forbidden, "other_site", "")
	}))
	return guard.Handler(next), nil
}

// handle sends the security headers and shows errors as pages.
func (p *Pages) handle(fn func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.views.policyOf(nil))
		// The address holds a token, which is for nobody else. Not no-referrer: browsers would send "Origin: null" with our own
		// forms, and those that have no Sec-Fetch-Site could not be told from other sites.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cache-Control", "no-store")
		if err := fn(w, r); err != nil {
			p.fail(w, r, err)
		}
	})
}

// fail shows what went wrong, to a reader who can do nothing about it but try again.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	status, message := http.StatusInternalServerError, "failed"
	switch fault.KindOf(err) { //nolint:exhaustive // the rest is our failure
	case fault.NotFound:
		status, message = http.StatusNotFound, "not_found"
	case fault.Malformed:
		status, message = http.StatusBadRequest, "malformed"
	case fault.Forbidden:
		status = http.StatusForbidden
	case fault.Wait:
		status, message = http.StatusTooManyRequests, "busy"
	case fault.Unavailable, fault.Timeout:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	if status >= http.StatusInternalServerError {
		p.Log.Error("page failed", zap.Int("status", status), zap.Error(err), telemetry.CorrelationField(r.Context()))
	}
	text := p.views.texts.accepted(r.Header.Get("Accept-Language"))
	p.show(w, r, status, view{Page: "message", Text: text, Title: message + "_title", Message: message})
}

// show writes a page. It is complete before the first byte leaves.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	body, err := p.render(w, r, v)
	if err != nil {
		p.Log.Error("a page cannot be shown", zap.Error(err), telemetry.CorrelationField(r.Context()))
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Text.Language)
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader may have left
}

// render fills a page in, and has its policy let in what it shows of its brand.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, v view) ([]byte, error) {
	v.Organisation = p.Organisation
	if v.Brand == nil {
		v.Brand = faceOf(p.brand(r))
	}
	if v.Brand != nil {
		v.Organisation = v.Brand.Name
		w.Header().Set("Content-Security-Policy", p.views.policyOf(v.Brand))
	}
	var body bytes.Buffer
	if err := p.views.pages.ExecuteTemplate(&body, "layout.html", v); err != nil {
		return nil, fmt.Errorf("fill in a page: %w", err)
	}
	return body.Bytes(), nil
}

// maxForm bounds what a form may hold, formTime how long it may take to arrive: the server allows for uploads.
const (
	maxForm  = 16 << 10
	formTime = 10 * time.Second
)

// readForm reads a small form.
func readForm(w http.ResponseWriter, r *http.Request) error {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("limit the time of a form: %w", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if err := r.ParseMultipartForm(maxForm); err != nil { //nolint:gosec // bounded by MaxBytesReader
			return fault.Wrap(err, fault.Malformed, "unreadable_form")
		}
		return nil
	}
	return fault.Wrap(r.ParseForm(), fault.Malformed, "unreadable_form")
}
