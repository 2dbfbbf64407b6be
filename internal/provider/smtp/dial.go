package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

var (
	errNoTLS  = errors.New("the server offers no STARTTLS, which is required")
	errNoAuth = errors.New("the server offers no way to authenticate that can be used here")
)

// conn is an open connection, used by one goroutine at a time.
type conn struct {
	client *smtp.Client
	raw    net.Conn // below TLS, for deadlines
	// pipelining: the server takes several commands at once (RFC 2920).
	pipelining bool
	sizes      bool      // the server takes announcements of sizes (RFC 1870)
	mails      int       // sent so far
	idleSince  time.Time // while in the pool
	kept       bool      // taken from the pool: the server may have closed it since
	broken     bool      // not to be used again
	out        []byte    // for the envelope
}

// dial connects, encrypts and authenticates. Every failure is certain: nothing was sent.
func dial(ctx context.Context, o Options, to target) (*conn, error) {
	raw, err := o.Dial(ctx, "tcp", to.address())
	if err != nil {
		return nil, notSent(err)
	}
	c := &conn{raw: raw}
	release := c.watch(ctx)
	err = c.handshake(o, to)
	if cut := release(); err == nil && cut {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		return nil, refused(err, notSent)
	}
	return c, nil
}

func (c *conn) handshake(o Options, to target) error {
	config := &tls.Config{ServerName: to.host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	wire := c.raw
	if to.tls == tlsImplicit {
		wire = tls.Client(c.raw, config)
	}
	client, err := smtp.NewClient(wire, to.host)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	c.client = client
	if err := client.Hello(o.LocalName); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if err := c.encrypt(to, config); err != nil {
		return err
	}
	if err := c.authenticate(to); err != nil {
		return err
	}
	c.pipelining, _ = client.Extension("PIPELINING")
	c.sizes, _ = client.Extension("SIZE")
	return nil
}

func (c *conn) encrypt(to target, config *tls.Config) error {
	if to.tls != tlsIfOffered && to.tls != tlsRequired {
		return nil
	}
	offered, _ := c.client.Extension("STARTTLS")
	switch {
	case !offered && to.tls == tlsRequired:
		return errNoTLS
	case !offered:
		return nil
	}
	if err := c.client.StartTLS(config); err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	return nil
}

// authenticate uses the first mechanism that both sides know. Passwords cross the wire as they are only
// where it is encrypted, stays on the machine, or the operator said tls=none.
func (c *conn) authenticate(to target) error {
	if to.user == "" {
		return nil
	}
	_, encrypted := c.client.TLSConnectionState()
	plainly := encrypted || to.loopback() || to.tls == tlsNever
	_, offer := c.client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(offer))
	for _, mechanism := range []struct {
		name  string
		plain bool
		auth  smtp.Auth
	}{
		{"PLAIN", true, smtp.PlainAuth("", to.user, to.password, to.host, plainly)},
		{"LOGIN", true, smtp.LoginAuth(to.user, to.password, to.host, plainly)},
		{"CRAM-MD5", false, smtp.CRAMMD5Auth(to.user, to.password)},
	} {
		if !slices.Contains(offered, mechanism.name) || (mechanism.plain && !plainly) {
			continue
		}
		if err := c.client.Auth(mechanism.auth); err != nil {
			return &authError{err}
		}
		return nil
	}
	return errNoAuth
}

// watch bounds what is done on the connection until release by ctx. release reports whether ctx ended
// meanwhile; the connection must then not be used again.
func (c *conn) watch(ctx context.Context) (release func() (cut bool)) {
	deadline, _ := ctx.Deadline()
	_ = c.raw.SetDeadline(deadline) // fails on a closed connection, which the next write finds out
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	return func() bool { return !stop() }
}

// close ends the connection with QUIT, without waiting for the answer.
func (c *conn) close() {
	if !c.broken {
		_ = c.raw.SetDeadline(time.Now().Add(time.Second))
		_, _ = c.client.Text.W.WriteString("QUIT\r\n")
		_ = c.client.Text.W.Flush()
	}
	_ = c.raw.Close()
}
