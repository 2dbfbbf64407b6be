// Package smtp sends mail through an SMTP relay, on a pool of connections that are kept open.
//
// A mail takes two round trips: MAIL, RCPT and DATA together (RFC 2920, if the server offers it), then
// the content with its final dot: in one write, or, with files, piece by piece from where they are. Until the last byte of that dot is handed to the kernel
// the server cannot have accepted anything: every failure before is certain, and only a connection that
// breaks between the dot and its answer leaves the mail uncertain.
package smtp

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"code.dny.dev/ssrf"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// Name is the provider's name in a channel.
const Name = "smtp"

const (
	defaultConnections = 16
	// maxMails is how many mails one connection carries: relays limit it, commonly to 100 or 1,000, and
	// behind a balancer a new connection now and then spreads the load.
	maxMails    = 1000
	idleTimeout = 30 * time.Second
	// DialTimeout is how long a relay may take to answer a connection.
	DialTimeout = 5 * time.Second
	// callTimeout bounds a Send whose context has no deadline, well below a sender session's lease.
	callTimeout = 10 * time.Second
)

// Options of the provider.
type Options struct {
	// Connections is how many there may be at once; 0 is 16. Further Sends wait for one.
	Connections int
	// LocalName is what EHLO says; "" is "localhost".
	LocalName string
	// RootCAs replaces the system's authorities, if set.
	RootCAs *x509.CertPool
	// Dial opens connections; nil is a net.Dialer's DialContext. It is where an operator's rules about
	// addresses belong: none apply by default. What it refuses (ssrf.ErrProhibitedIP) is tried again.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock for the header Date; nil is time.Now.
	Now func() time.Time
}

// Provider sends through the relay in the secret url: smtp://user:password@host:port, or smtps:// for TLS
// from the start. "?tls=none", "?tls=starttls" and "?tls=required" say whether to use STARTTLS never, if
// it is offered, or always; the default is always with credentials, except on loopback, else if offered.
func Provider(o Options) channel.Provider {
	gate := attempt.NewGate()
	return channel.Provider{
		Name:  Name,
		Kinds: []channel.Kind{channel.Email, channel.Newsletter},
		Settings: []channel.Setting{{
			Name: "url", Secret: true, Required: true, Env: "SMTP_URL", URL: true, Schemes: []string{"smtp", "smtps"}, Real: realTarget,
			Doc: "smtp://user:password@host:587, or smtps:// for TLS from the start; ?tls=none, starttls or required.",
		}},
		Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
			to, err := parseTarget(c.Secrets["url"])
			if err != nil {
				return nil, err
			}
			return newSender(o, to, gate), nil
		},
	}
}

func newSender(o Options, to target, gate *attempt.Gate) *sender {
	if o.Connections == 0 {
		o.Connections = defaultConnections
	}
	if o.LocalName == "" {
		o.LocalName = "localhost"
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: DialTimeout}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &sender{now: o.Now, gate: gate}
	s.pool = newPool(o.Connections, func(ctx context.Context) (*conn, error) { return dial(ctx, o, to) })
	return s
}

type sender struct {
	pool *pool
	gate *attempt.Gate
	now  func() time.Time
	bufs mime.Buffers
}

// Send hands over m.Mail. A connection that was kept open and turns out to be dead before the content
// was sent is replaced by a fresh one, once: the mail itself is tried once only.
func (s *sender) Send(ctx context.Context, m *channel.Message) error {
	buf := s.bufs.Get()
	defer s.bufs.Put(buf)
	head, err := mime.AppendHead(*buf, m, s.now())
	if err != nil {
		return err
	}
	*buf = head
	// Append has checked both.
	from, _ := mime.Mailbox(m.Mail.From.Email)
	to, _ := mime.Mailbox(m.Mail.To.Email)
	l := letter{from: from, to: to, head: head, tail: mime.Tail(m.Mail), tailSize: mime.TailSize(m.Mail)}

	ctx, cancel := bounded(ctx)
	defer cancel()
	leave, err := s.gate.Enter(ctx, len(head)+l.tailSize)
	if err != nil {
		return err
	}
	defer leave()
	return s.pool.use(ctx, func(c *conn) error { return c.send(ctx, l) })
}

// Verify proves the credentials on a new connection, and says NOOP.
func (s *sender) Verify(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return s.pool.useFresh(ctx, func(c *conn) error { return c.noop(ctx) })
}

// Close ends the idle connections, and those in use when they are given back.
func (s *sender) Close() error {
	s.pool.close()
	return nil
}

// bounded gives ctx a deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, callTimeout)
}

// notSent is a failure before the server could have accepted anything.
func notSent(err error) error {
	if errors.Is(err, ssrf.ErrProhibitedIP) {
		// Of several addresses one may be forbidden, and another one away for a moment.
		return fault.Wrap(attempt.Cause(err), fault.Retry, "address_forbidden")
	}
	return fault.Wrap(attempt.Cause(err), fault.Retry, "not_sent")
}
