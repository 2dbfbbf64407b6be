package sandbox

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	smtpMaxSize    = 40 << 20 // bytes of one mail, as SES allows
	smtpIdle       = 5 * time.Minute
	smtpBuffer     = 32 << 10
	smtpRecipients = 100 // RFC 5321, 4.5.3.1.8: the least a server must take
)

// smtpServer accepts connections and keeps track of them, so that they can be ended.
type smtpServer struct {
	sandbox  *Sandbox
	listener net.Listener
	running  sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]struct{} // nil once closed
}

func newSMTPServer(s *Sandbox, listener net.Listener) *smtpServer {
	server := &smtpServer{sandbox: s, listener: listener, open: map[net.Conn]struct{}{}}
	server.running.Add(1) // serve
	return server
}

// serve accepts connections until the listener is closed.
func (s *smtpServer) serve() {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, most likely: others will end
			if !s.sandbox.wait(10 * time.Millisecond) {
				return
			}
			continue
		}
		if !s.track(conn) {
			_ = conn.Close()
			return
		}
		go s.session(conn)
	}
}

func (s *smtpServer) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return false
	}
	s.open[conn] = struct{}{}
	s.running.Add(1)
	return true
}

// session serves one connection to its end.
func (s *smtpServer) session(conn net.Conn) {
	defer s.running.Done()
	defer func() {
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	session := &smtpSession{
		sandbox: s.sandbox,
		conn:    conn,
		limit:   smtpMaxSize,
		in:      bufio.NewReaderSize(conn, smtpBuffer),
		out:     bufio.NewWriterSize(conn, 4<<10),
	}
	if session.greet() == nil {
		session.converse()
	}
	_ = session.out.Flush() // the last words; the client may be gone
}

// close ends the listener and every connection, and waits for them.
func (s *smtpServer) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.open = nil
	s.mu.Unlock()
	s.running.Wait()
	return err
}
