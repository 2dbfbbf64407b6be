package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	defaultKeep     = 2000
	defaultMaxBytes = 64 << 20
)

// Options say where a sandbox listens and how much it keeps. The zero value is good for tests.
type Options struct {
	Addr      string // of the HTTP listener; "" is a free port on 127.0.0.1
	SMTPAddr  string // of the SMTP listener; "" is a free port on 127.0.0.1
	PublicURL string // what URL returns, if clients reach the HTTP listener by another name
	Keep      int    // messages kept whole per channel; 0 is 2,000. All are counted
	KeepBytes int    // bytes of raw messages kept per channel; 0 is 64 MiB
	// Journal gets a line of JSON, an Entry, for each message whose sender was told that it was accepted, or told
	// nothing. Nil is none.
	Journal io.Writer
}

// Sandbox is a running set of stand-in providers. Its methods may be called from any goroutine, also
// after Close.
type Sandbox struct {
	Addresses
	book    *book
	faults  *faults
	nonces  *nonces
	reports *reporter
	web     *http.Server
	smtp    *smtpServer
	ended   chan struct{} // closed when Close begins: nothing waits any longer
	served  chan struct{} // closed when the HTTP listener's loop has returned
	close   func() error
}

// Start opens the listeners and serves until Close, or until ctx is done.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	httpListener, err := listen(ctx, o.Addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: listen for HTTP: %w", err)
	}
	smtpListener, err := listen(ctx, o.SMTPAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: listen for SMTP: %w", err), httpListener.Close())
	}
	s := &Sandbox{
		Addresses: Addresses{Base: "http://" + httpListener.Addr().String(), SMTP: smtpListener.Addr().String()},
		book:      newBook(orDefault(o.Keep, defaultKeep), orDefault(o.KeepBytes, defaultMaxBytes)),
		faults:    &faults{by: map[string][]*injected{}},
		nonces:    newNonces(),
		ended:     make(chan struct{}),
		served:    make(chan struct{}),
	}
	if o.Journal != nil {
		s.book.journal = &journal{to: o.Journal}
	}
	if o.PublicURL != "" {
		s.Base = strings.TrimSuffix(o.PublicURL, "/")
	}
	s.reports = newReporter(s.Base)
	s.web = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.smtp = newSMTPServer(s, smtpListener)
	go func() {
		defer close(s.served)
		_ = s.web.Serve(httpListener) // ends with ErrServerClosed
	}()
	go s.smtp.serve()
	s.close = sync.OnceValue(s.shutDown)
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", addr)
}

func orDefault(value, otherwise int) int {
	if value == 0 {
		return otherwise
	}
	return value
}

// Close ends every connection and waits until nothing runs any more. What was recorded can still be
// read. It may be repeated.
func (s *Sandbox) Close() error { return s.close() }

func (s *Sandbox) shutDown() error {
	close(s.ended)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s.reports.end()
	smtpErr := s.smtp.close()
	if err := s.web.Shutdown(ctx); err != nil {
		return errors.Join(smtpErr, s.web.Close(), s.book.journal.problem())
	}
	<-s.served
	return errors.Join(smtpErr, s.book.journal.problem())
}

// Counts returns the counters of every channel.
func (s *Sandbox) Counts() Counts { return s.book.counts() }

// Messages returns what is kept of a channel, newest first; nil if there is no such channel.
func (s *Sandbox) Messages(channel string) []*Message { return s.book.messages(channel) }

// Message returns the message with the id, or nil if it is unknown or no longer kept.
func (s *Sandbox) Message(id string) *Message { return s.book.find(id) }

// Received says how often the identity arrived: 0 never, 1 as it should, more if it was doubled. It
// also knows of messages that are no longer kept.
func (s *Sandbox) Received(identity string) int { return s.book.received(identity) }

// Identities yields every identity that arrived on a channel, and how often.
func (s *Sandbox) Identities(channel string) iter.Seq2[string, int] {
	return s.book.identities(channel)
}

// Arrivals returns by publication uid when its messages came and how many.
func (s *Sandbox) Arrivals() map[string]Arrivals { return s.book.arrivals() }

// Reset forgets all messages, counts and nonces. Faults stay in force.
func (s *Sandbox) Reset() {
	s.book.reset()
	s.nonces.reset()
}

// judge lets the provider's faults decide about one request. It waits out their latency and counts the
// request. A sandbox that is being closed hangs up.
func (s *Sandbox) judge(provider, channel, to string) verdict {
	v := s.faults.judge(provider, to)
	if !s.wait(v.delay) {
		v.outcome = hungUp
	}
	s.book.request(channel, v.outcome != accepted)
	return v
}

// wait lets the time pass; false means that the sandbox was closed meanwhile.
func (s *Sandbox) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ended:
		return false
	}
}
