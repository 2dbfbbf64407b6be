package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
)

// smtpSession is one SMTP connection (RFC 5321) with PIPELINING (RFC 2920).
type smtpSession struct {
	sandbox *Sandbox
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	limit   int    // bytes of one mail
	data    []byte // the mail being read; its array is used again for the next

	from    string
	to      []string
	mail    bool    // MAIL FROM was accepted
	judged  bool    // a recipient was judged: verdict holds
	verdict verdict // of the last accepted recipient, if judged
}

// errSessionOver ends a session that was answered for the last time.
var errSessionOver = errors.New("session over")

// smtpVerbs are the commands and what answers them.
var smtpVerbs = map[string]func(*smtpSession, string) error{
	"HELO": (*smtpSession).hello,
	"EHLO": (*smtpSession).hello,
	"AUTH": (*smtpSession).auth,
	"MAIL": (*smtpSession).mailFrom,
	"RCPT": (*smtpSession).rcptTo,
	"DATA": (*smtpSession).takeData,
	"RSET": func(s *smtpSession, _ string) error { s.reset(); return s.say("250 2.0.0 Ok") },
	"NOOP": func(s *smtpSession, _ string) error { return s.say("250 2.0.0 Ok") },
	"VRFY": func(s *smtpSession, _ string) error { return s.say("252 2.0.0 Send some mail and see") },
	"QUIT": func(s *smtpSession, _ string) error {
		return errors.Join(s.say("221 2.0.0 Bye"), errSessionOver)
	},
}

// greet opens the session, or says why not: any error ends it.
func (s *smtpSession) greet() error {
	switch s.sandbox.faults.outage(ProviderSMTP) {
	case HangUp:
		return errSessionOver
	case Unavailable:
		return errors.Join(s.say("421 4.3.2 sandbox service not available"), errSessionOver)
	case Up:
	}
	return s.say("220 sandbox ESMTP Presswork")
}

// converse answers commands until the client leaves or a fault ends the session.
func (s *smtpSession) converse() {
	for {
		line, err := s.line()
		if errors.Is(err, bufio.ErrBufferFull) {
			err = s.say("500 5.5.6 Line too long")
		} else if err == nil {
			err = s.command(line)
		}
		if err != nil {
			return
		}
	}
}

// command runs one command line.
func (s *smtpSession) command(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	run := smtpVerbs[verb]
	if run == nil {
		run = smtpVerbs[strings.ToUpper(verb)]
	}
	if run == nil {
		return s.say("502 5.5.1 Unknown command")
	}
	return run(s, strings.TrimSpace(rest))
}

// line reads one line without its end. Before it would have to wait, what was answered so far is sent:
// commands that came together are answered together.
func (s *smtpSession) line() (string, error) {
	if ready, _ := s.in.Peek(s.in.Buffered()); bytes.IndexByte(ready, '\n') < 0 {
		if err := s.flush(); err != nil {
			return "", err
		}
	}
	line, err := s.in.ReadSlice('\n')
	text := string(bytes.TrimRight(line, "\r\n"))
	for errors.Is(err, bufio.ErrBufferFull) {
		if _, rest := s.in.ReadSlice('\n'); !errors.Is(rest, bufio.ErrBufferFull) {
			return "", errors.Join(bufio.ErrBufferFull, rest)
		}
	}
	return text, err
}

// flush sends the answers and grants the client another while to go on.
func (s *smtpSession) flush() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.conn.SetDeadline(time.Now().Add(smtpIdle))
}

// say answers with one line or several, each complete.
func (s *smtpSession) say(lines ...string) error {
	for _, line := range lines {
		if _, err := s.out.WriteString(line); err != nil {
			return err
		}
		if _, err := s.out.WriteString("\r\n"); err != nil {
			return err
		}
	}
	return nil
}

func (s *smtpSession) reset() {
	s.from, s.to, s.mail, s.judged = "", nil, false, false
}

func (s *smtpSession) hello(name string) error {
	s.reset()
	return s.say(
		"250-sandbox greets "+name,
		"250-PIPELINING",
		"250-8BITMIME",
		"250-SMTPUTF8",
		"250-ENHANCEDSTATUSCODES",
		"250-AUTH PLAIN LOGIN",
		"250 SIZE 41943040",
	)
}

// auth takes any credentials (RFC 4954).
func (s *smtpSession) auth(arguments string) error {
	mechanism, initial, _ := strings.Cut(arguments, " ")
	var prompts []string
	switch {
	case strings.EqualFold(mechanism, "PLAIN") && initial == "":
		prompts = []string{"334 "}
	case strings.EqualFold(mechanism, "LOGIN") && initial == "":
		prompts = []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"}
	case strings.EqualFold(mechanism, "LOGIN"):
		prompts = []string{"334 UGFzc3dvcmQ6"}
	case !strings.EqualFold(mechanism, "PLAIN"):
		return s.say("504 5.5.4 Unknown mechanism")
	}
	for _, prompt := range prompts {
		if err := s.say(prompt); err != nil {
			return err
		}
		answer, err := s.line()
		if err != nil {
			return err
		}
		if answer == "*" {
			return s.say("501 5.7.0 Authentication cancelled")
		}
	}
	return s.say("235 2.7.0 Authenticated")
}

func (s *smtpSession) mailFrom(arguments string) error {
	address, ok := smtpPath(arguments, "FROM:")
	switch {
	case s.sandbox.faults.outage(ProviderSMTP) != Up:
		return errors.Join(s.say("421 4.3.2 sandbox going down"), errSessionOver)
	case s.mail:
		return s.say("503 5.5.1 Sender already given")
	case !ok:
		return s.say("501 5.5.4 Syntax: MAIL FROM:<address>")
	case smtpSize(arguments) > s.limit:
		return s.say("552 5.3.4 Message too big")
	}
	s.from, s.mail = address, true
	return s.say("250 2.1.0 Ok")
}

func (s *smtpSession) rcptTo(arguments string) error {
	address, ok := smtpPath(arguments, "TO:")
	switch {
	case !s.mail:
		return s.say("503 5.5.1 MAIL FROM first")
	case !ok || address == "":
		return s.say("501 5.5.4 Syntax: RCPT TO:<address>")
	case len(s.to) == smtpRecipients:
		return s.say("452 4.5.3 Too many recipients")
	}
	if s.sandbox.faults.atRecipient(address) {
		v := s.sandbox.faults.judge(ProviderSMTP, address)
		if !s.sandbox.wait(v.delay) {
			return errSessionOver
		}
		if v.outcome != accepted {
			s.sandbox.book.request(ChannelEmail, true)
			return s.refuse(v)
		}
		s.judged, s.verdict = true, v
	}
	s.to = append(s.to, address)
	return s.say("250 2.1.5 Ok")
}

// refuse answers a request that an injected fault turned down.
func (s *smtpSession) refuse(v verdict) error {
	switch v.outcome {
	case throttled:
		return s.say("451 4.7.1 Sending rate exceeded, try again later")
	case failed:
		return s.say("451 4.3.0 Temporary failure, try again later")
	case rejected:
		return s.say("550 5.1.1 No such user here")
	case down:
		return errors.Join(s.say("421 4.3.2 sandbox going down"), errSessionOver)
	case accepted, hungUp:
	}
	return errSessionOver
}

// smtpSize reads the size a sender announces (RFC 1870); 0 if it does not.
func smtpSize(arguments string) int {
	for parameter := range strings.FieldsSeq(arguments) {
		if name, value, _ := strings.Cut(parameter, "="); strings.EqualFold(name, "SIZE") {
			size, err := strconv.Atoi(value)
			if err != nil {
				return 0
			}
			return size
		}
	}
	return 0
}

// smtpPath takes the address out of "FROM:<address> SIZE=…".
func smtpPath(arguments, keyword string) (string, bool) {
	if len(arguments) < len(keyword) || !strings.EqualFold(arguments[:len(keyword)], keyword) {
		return "", false
	}
	path := strings.TrimLeft(arguments[len(keyword):], " ")
	if !strings.HasPrefix(path, "<") {
		return "", false
	}
	address, _, closed := strings.Cut(path[1:], ">")
	return address, closed
}
