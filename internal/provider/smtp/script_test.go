package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/smtp"
)

// script is a server that answers by rote. Unless answers say otherwise it takes everything.
type script struct {
	extensions []string          // of EHLO
	answers    map[string]string // by verb; "." is the end of a mail. "" closes the connection
	implicit   bool              // TLS from the start
	later      bool              // answers hold from the second mail on a connection only
	cut        int               // hangs up after so many bytes of a mail, if not 0

	mu          sync.Mutex
	log         []string // every command, and "." for every mail's end
	lines       []string // every command, whole
	connections int
}

var usual = map[string]string{
	"STARTTLS": "220 go", "AUTH": "235 welcome", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go",
	".": "250 queued", "RSET": "250 ok", "NOOP": "250 ok", "QUIT": "221 bye",
}

// certificate is one for 127.0.0.1, with the authority that vouches for it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server.TLS.Certificates[0], pool
}

// start serves on loopback until the test ends, and opens a sender to it.
func (s *script) start(t *testing.T, scheme, userinfo, query string) channel.Sender {
	t.Helper()
	cert, pool := certificate(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.serve(conn, &tls.Config{Certificates: []tls.Certificate{cert}}) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	sender, err := smtp.Provider(smtp.Options{Connections: 1, RootCAs: pool}).Open(t.Context(), channel.Channel{
		Secrets: map[string]string{"url": scheme + "://" + userinfo + listener.Addr().String() + query},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

func (s *script) note(command, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.lines = append(s.log, command), append(s.lines, line)
}

// firstLine is the first command with the verb, whole.
func (s *script) firstLine(verb string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, command := range s.log {
		if command == verb {
			return s.lines[i]
		}
	}
	return ""
}

// commands is what was said so far, in order.
func (s *script) commands() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, " ")
}

func (s *script) answer(verb string, mails int) (string, bool) {
	if answer, given := s.answers[verb]; given && (!s.later || mails > 0) {
		return answer, answer != ""
	}
	return usual[verb], usual[verb] != ""
}

// serve is one connection.
func (s *script) serve(conn net.Conn, config *tls.Config) {
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	s.connections++
	s.mu.Unlock()
	if s.implicit {
		conn = tls.Server(conn, config)
	}
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = conn.Write([]byte(text + "\r\n")) }
	say("220 hello")
	for mails := 0; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.note(verb, strings.TrimSpace(line))
		if verb == "EHLO" {
			s.hello(say)
			continue
		}
		text, ok := s.answer(verb, mails)
		if !ok {
			return
		}
		say(text)
		switch {
		case verb == "QUIT" || strings.HasPrefix(text, "421"):
			return
		case verb == "STARTTLS" && strings.HasPrefix(text, "220"):
			conn = tls.Server(conn, config)
			in = bufio.NewReader(conn)
		case strings.HasPrefix(text, "334"):
			_, _ = in.ReadString('\n')
			say("235 welcome")
		case strings.HasPrefix(text, "354"):
			if !s.content(in, say, mails) {
				return
			}
			mails++
		}
	}
}

func (s *script) hello(say func(string)) {
	say("250-script")
	for _, extension := range s.extensions {
		say("250-" + extension)
	}
	say("250 HELP")
}

// content reads a mail to its end.
func (s *script) content(in *bufio.Reader, say func(string), mails int) bool {
	for read := 0; ; {
		line, err := in.ReadString('\n')
		read += len(line)
		if err != nil || s.cut > 0 && read > s.cut {
			return false
		}
		if line == ".\r\n" {
			break
		}
	}
	s.note(".", ".")
	text, ok := s.answer(".", mails)
	if ok {
		say(text)
	}
	return ok
}

func send(ctx context.Context, sender channel.Sender, recipient int64) error {
	return sender.Send(ctx, providertest.Message(channel.Email, recipient))
}
