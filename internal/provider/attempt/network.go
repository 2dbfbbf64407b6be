package attempt

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"time"

	"code.dny.dev/ssrf"

	"github.com/presswork/presswork/internal/channel"
)

const (
	dialTimeout = 3 * time.Second
	// idleTimeout is shorter than the minute after which most load balancers let go: a request on a
	// connection that is just being closed would be uncertain.
	idleTimeout = 30 * time.Second
	// MaxAnswer bounds what is read of any answer, in bytes, unless a Network says otherwise.
	MaxAnswer = 1 << 20
	// maxHeader bounds the header of an answer, in bytes; net/http would take 10 MB.
	maxHeader = 64 << 10
	// defaultConnections is the size of the pool of connections to one host.
	defaultConnections = 16
)

// Network says how an adapter may reach its provider. The zero value reaches public addresses only.
type Network struct {
	// Connections kept open to one host; 0 is 16.
	Connections int
	// AllowPrivate lets requests reach every address: loopback, private and link-local too.
	AllowPrivate bool
	// Allow lists ranges that may be reached although they are not public.
	Allow []netip.Prefix
	// MaxAnswer bounds what is read of an answer, in bytes; 0 is the constant MaxAnswer.
	MaxAnswer int64
	// RootCAs replaces the system's authorities, if set.
	RootCAs *x509.CertPool
	// Resolver finds the addresses of names; nil is the machine's.
	Resolver *net.Resolver
}

// Client makes an http.Client that sends each request once, on a pool of connections of its own. Its
// CloseIdleConnections lets go of them. Addresses are checked when they are dialled, after the name was
// resolved, so that a DNS answer that changes does not help (requirement B12).
//
// It follows no redirect and speaks HTTP/1.1 only: one connection carries one request, so a connection
// that breaks leaves one message uncertain and not every message in flight.
func (n Network) Client() *http.Client {
	return &http.Client{
		Transport:     once{n.transport(), cmp.Or(n.MaxAnswer, MaxAnswer)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (n Network) transport() *http.Transport {
	connections := n.Connections
	if connections == 0 {
		connections = defaultConnections
	}
	transport := &http.Transport{
		DialContext:           n.Dialer().DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConns:          connections,
		MaxIdleConnsPerHost:   connections,
		IdleConnTimeout:       idleTimeout,
		ExpectContinueTimeout: time.Second,
		Protocols:             new(http.Protocols),
		TLSClientConfig:       &tls.Config{RootCAs: n.RootCAs, MinVersion: tls.VersionTLS12},

		MaxResponseHeaderBytes: maxHeader,
	}
	transport.Protocols.SetHTTP1(true)
	if n.AllowPrivate { // else a proxy would resolve names itself, behind the guard's back
		transport.Proxy = http.ProxyFromEnvironment
	}
	return transport
}

// Dialer opens connections to what may be reached, and to nothing else: what it refuses is ssrf.ErrProhibitedIP.
func (n Network) Dialer() *net.Dialer {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: idleTimeout, Resolver: n.Resolver}
	if !n.AllowPrivate {
		dialer.Control = n.guard().Safe
	}
	return dialer
}

// Inside is n with this machine and private networks (RFC 1918, 4193 and 6598) allowed, where relays of mail often are. What
// is link-local, where most clouds answer with credentials, and the other special ranges stay refused unless n allows them.
func (n Network) Inside() Network {
	n.Allow = append(slices.Clone(n.Allow),
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7"))
	return n
}

func (n Network) guard() *ssrf.Guardian {
	var v4, v6 []netip.Prefix
	for _, p := range n.Allow {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
}

// once is a transport that sends one request for each Attempt.
type once struct {
	base      *http.Transport
	maxAnswer int64
}

// RoundTrip sends a request. One that belongs to no attempt passes unwatched: it has no effect at the
// provider (see channel.Verifier).
func (o once) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	a := of(ctx)
	if a != nil {
		if !a.begun.CompareAndSwap(false, true) {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, ErrSecond
		}
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: a.wrote})
	}
	sent := o.single(ctx, req, a)
	resp, err := o.base.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	resp.Body = limited{o.readable(resp), resp.Body}
	if a != nil {
		a.answer.Store(&answer{resp.StatusCode, resp.Header})
	}
	return resp, nil
}

// readable is what may be read of an answer. After "101 Switching Protocols", for which nothing here asks, the connection is no
// longer net/http's: no deadline would end a read.
func (o once) readable(resp *http.Response) io.Reader {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return http.NoBody
	}
	return io.LimitReader(resp.Body, o.maxAnswer)
}

// single is req in a form that net/http cannot replay: it does so for any request that can be rewound
// and is called idempotent.
func (once) single(ctx context.Context, req *http.Request, a *Attempt) *http.Request {
	sent := req.WithContext(ctx)
	sent.GetBody = nil
	sent.Header = req.Header.Clone()
	sent.Header.Del("Idempotency-Key")
	sent.Header.Del("X-Idempotency-Key")
	if a != nil {
		sent.Header.Set(channel.DeliveryHeader, a.identity)
	}
	return sent
}

// CloseIdleConnections lets go of the pool.
func (o once) CloseIdleConnections() { o.base.CloseIdleConnections() }

func (a *Attempt) wrote(info httptrace.WroteRequestInfo) {
	if info.Err == nil {
		a.written.Store(true)
	}
}

// limited reads no more of a body than the bound.
type limited struct {
	io.Reader
	io.Closer
}

// Drain reads what is left of an answer's body, as far as the bound: only then can the connection be used
// again. The caller closes it.
func Drain(body io.Reader) {
	_, _ = io.Copy(io.Discard, body) // for its effect on the connection only
}
