// Package client calls the API of Presswork from Go: every operation is a method, made of the API's description
// (package client/api), and every list an iterator. What this package adds is what a program would have to write around
// them: a call is repeated while that is safe, an error is a *Problem, progress is followed, and messages of webhooks
// are verified (package client/webhook).
//
//	c := client.New("https://presswork.example.org", key)
//	defer c.Close()
//	p, err := c.Publish(ctx, api.PublicationInput{…})
package client

import (
	"net/http"
	"strings"
	"time"

	"github.com/presswork/presswork/client/api"
)

// Timeout of one attempt of a call, unless WithTimeout says otherwise. The longest, an import of 10 MB, takes a few
// seconds.
const Timeout = 30 * time.Second

// Client calls one API. It is safe for concurrent use. A deadline is that of the context; every attempt has a Timeout of
// its own besides.
type Client struct {
	// Client has a method for each operation.
	*api.Client
	calls *calls
}

// Option changes a client that is made. Options of a single call are api.Option: see IdempotencyKey, IfVersion and Into.
type Option func(*calls)

// New makes a client of the API's address ("https://presswork.example.org") and an API key, or a JWT.
func New(address, key string, options ...Option) *Client {
	pool := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second,
	}
	c := &calls{
		address: strings.TrimSuffix(address, "/"), key: key, timeout: Timeout, retries: DefaultRetries(),
		http: &http.Client{Transport: pool}, wait: sleep, jitter: anywhere,
	}
	for _, o := range options {
		o(c)
	}
	// A key goes nowhere else than where it was meant to go.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{Client: &api.Client{Caller: c}, calls: c}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.calls.http.CloseIdleConnections() }

// WithHTTPClient has calls made with h: its transport, its cookies. Redirects are not followed, whatever it says; its
// Timeout ends streams as well.
func WithHTTPClient(h *http.Client) Option {
	return func(c *calls) {
		own := *h
		c.http = &own
	}
}

// WithRetries says how calls are repeated.
func WithRetries(r Retries) Option { return func(c *calls) { c.retries = r } }

// WithoutRetries makes every call in one attempt, as who counts or measures attempts needs. What is left is net/http's: it
// sends again what may be repeated if a connection that was kept turns out to be closed.
func WithoutRetries() Option { return WithRetries(Retries{Attempts: 1}) }

// WithTimeout bounds each attempt; of a stream, the time until it begins.
func WithTimeout(d time.Duration) Option { return func(c *calls) { c.timeout = d } }
