package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// smtpMail is a raw mail under an identity.
func smtpMail(identity, body string) []byte {
	return []byte("Subject: Hello\r\n" + HeaderDelivery + ": " + identity + "\r\n\r\n" + body)
}

// sendSMTP sends one mail with the standard library's client.
func sendSMTP(s *Sandbox, to string, mail []byte) error {
	auth := smtp.PlainAuth("", "user", "password", "127.0.0.1")
	return smtp.SendMail(s.SMTPAddr(), auth, "news@example.com", []string{to}, mail)
}

// dialog opens a connection and reads the greeting.
func dialog(t *testing.T, s *Sandbox) *textproto.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	text := textproto.NewConn(conn)
	t.Cleanup(func() { _ = text.Close() })
	if _, _, err := text.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	return text
}

// ask sends a line and checks the code of the answer.
func ask(t *testing.T, conn *textproto.Conn, code int, line string) string {
	t.Helper()
	if err := conn.PrintfLine("%s", line); err != nil {
		t.Fatal(err)
	}
	_, message, err := conn.ReadResponse(code)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return message
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	body := "first\r\n.second\r\n..third\r\n" + strings.Repeat("long ", 30_000) + "\r\n"
	if err := sendSMTP(s, "ada@example.com", smtpMail("p1/newsletter/9", body)); err != nil {
		t.Fatal(err)
	}
	counted(t, s, ChannelNewsletter, ChannelCounts{Received: 1, Requests: 1})
	m := s.Messages(ChannelNewsletter)[0]
	if m.From != "news@example.com" || m.To != "ada@example.com" || m.Subject() != "Hello" {
		t.Errorf("recorded %+v", m)
	}
	if got := m.Read().Text; got != body {
		t.Errorf("body came as %.60q", got)
	}
}

func TestSMTPLogin(t *testing.T) {
	t.Parallel()
	conn := dialog(t, start(t, Options{}))
	greeting := ask(t, conn, 250, "EHLO me")
	for _, extension := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 41943040", "AUTH PLAIN LOGIN"} {
		if !strings.Contains(greeting, extension) {
			t.Errorf("no %s in %q", extension, greeting)
		}
	}
	ask(t, conn, 334, "AUTH LOGIN")
	ask(t, conn, 334, "dXNlcg==")
	ask(t, conn, 235, "cGFzcw==")
	ask(t, conn, 334, "AUTH PLAIN")
	ask(t, conn, 501, "*")
	ask(t, conn, 504, "AUTH GSSAPI")
}

func TestSMTPDialog(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	conn := dialog(t, s)
	ask(t, conn, 250, "helo me")
	ask(t, conn, 503, "RCPT TO:<a@b>")
	ask(t, conn, 501, "MAIL a@b")
	ask(t, conn, 250, "mail from:<a@b> SIZE=100 SMTPUTF8")
	ask(t, conn, 503, "MAIL FROM:<a@b>")
	ask(t, conn, 503, "DATA")
	ask(t, conn, 501, "RCPT TO:<>")
	ask(t, conn, 250, "RSET")
	ask(t, conn, 502, "STARTTLS")
	ask(t, conn, 250, "NOOP")
	ask(t, conn, 252, "VRFY a")
	ask(t, conn, 500, strings.Repeat("x", 3*smtpBuffer))
	ask(t, conn, 250, "MAIL FROM:<>")
	for range smtpRecipients {
		ask(t, conn, 250, "RCPT TO:<a@b>")
	}
	ask(t, conn, 452, "RCPT TO:<a@b>")
	ask(t, conn, 354, "DATA")
	ask(t, conn, 250, ".")
	ask(t, conn, 221, "QUIT")
	if m := s.Messages(ChannelEmail)[0]; len(m.Body) != 0 || m.Identity != "" {
		t.Errorf("recorded %+v", m)
	}
}

func TestSMTPPipelining(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	conn := dialog(t, s)
	ask(t, conn, 250, "EHLO me")
	const mails = 50
	var sent bytes.Buffer
	for i := range mails {
		fmt.Fprintf(&sent, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n%s.\r\n", smtpMail(fmt.Sprintf("p1/email/%d", i), "x\r\n"))
	}
	if _, err := conn.W.Write(sent.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := conn.W.Flush(); err != nil {
		t.Fatal(err)
	}
	for range mails {
		for _, code := range []int{250, 250, 354, 250} {
			if _, _, err := conn.ReadResponse(code); err != nil {
				t.Fatal(err)
			}
		}
	}
	counted(t, s, ChannelEmail, ChannelCounts{Received: mails, Requests: mails})
}

func TestSMTPTooLarge(t *testing.T) {
	t.Parallel()
	conn := dialog(t, start(t, Options{}))
	ask(t, conn, 552, "MAIL FROM:<a@b> BODY=8BITMIME SIZE=41943041")
	ask(t, conn, 250, "MAIL FROM:<a@b> SIZE=41943040")
}

// TestSMTPLimit checks that a mail beyond the limit is read to its end and no further.
func TestSMTPLimit(t *testing.T) {
	t.Parallel()
	const limit = 50
	for _, size := range []int{0, 2, limit - 2, limit, limit + 1, 10 * limit, 1000 * limit} {
		for _, packet := range []int{1, 3, 64, 1 << 20} {
			mail := strings.Repeat("x", max(0, size-2)) + "\r\n"[:min(size, 2)]
			session := readSession(t, []byte(mail+".\r\nNOOP\r\n"), []int{packet}, limit)
			got, err := session.readData()
			if size <= limit && (err != nil || len(got) != size) || size > limit && !errors.Is(err, errLarge) {
				t.Errorf("%d bytes in packets of %d: %d, %v", size, packet, len(got), err)
			}
			if next, err := session.in.ReadString('\n'); err != nil || next != "NOOP\r\n" {
				t.Errorf("%d bytes in packets of %d left %q, %v", size, packet, next, err)
			}
		}
	}
}

// readSession is a session that reads what is given, in packets of the given sizes.
func readSession(t interface{ Cleanup(func()) }, wire []byte, sizes []int, limit int) *smtpSession {
	client, server := net.Pipe()
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return &smtpSession{
		sandbox: &Sandbox{book: newBook(10, 1<<20), faults: &faults{}, ended: make(chan struct{})},
		conn:    server, limit: limit,
		in: bufio.NewReader(&trickle{wire, sizes, 0}), out: bufio.NewWriter(io.Discard),
	}
}

// answered says whether an error is a reply with the code.
func answered(err error, code int) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code == code
}

func TestSMTPRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault Fault
		code  int
	}{
		"transient":            {Fault{ErrorRatio: 1}, 451},
		"permanent":            {Fault{ErrorRatio: 1, ErrorKind: Permanent}, 550},
		"permanent, recipient": {Fault{ErrorRatio: 1, ErrorKind: Permanent, AtRecipient: true}, 550},
		"throttled":            {Fault{RatePerSecond: 1e-9, Burst: 1}, 451},
		"throttled, recipient": {Fault{RatePerSecond: 1e-9, Burst: 1, AtRecipient: true}, 451},
		"outage":               {Fault{Outage: Unavailable}, 421},
		"outage for some":      {Fault{Outage: Unavailable, Match: "ada"}, 421},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{})
			inject(t, s, ProviderSMTP, test.fault)
			if test.fault.Burst == 1 { // the first uses the burst up
				if err := sendSMTP(s, "ada@example.com", smtpMail("p1/email/1", "")); err != nil {
					t.Fatal(err)
				}
			}
			if err := sendSMTP(s, "ada@example.com", smtpMail("p1/email/2", "")); !answered(err, test.code) {
				t.Errorf("error %v, want %d", err, test.code)
			}
			if s.Received("p1/email/2") != 0 {
				t.Error("recorded although refused")
			}
		})
	}
}

func TestSMTPMatchAndHangUp(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderSMTP, Fault{Match: "dead", ErrorRatio: 1, ErrorKind: Permanent})
	if err := sendSMTP(s, "alive@example.com", smtpMail("p1/email/1", "")); err != nil {
		t.Error(err)
	}
	if err := sendSMTP(s, "dead@example.com", smtpMail("p1/email/2", "")); !answered(err, 550) {
		t.Errorf("error %v", err)
	}
	counted(t, s, ChannelEmail, ChannelCounts{Received: 1, Requests: 2, Refused: 1})
	inject(t, s, ProviderSMTP, Fault{Outage: HangUp})
	if err := sendSMTP(s, "alive@example.com", smtpMail("p1/email/3", "")); err == nil || answered(err, 421) {
		t.Errorf("error %v, want a connection that ended", err)
	}
}

func TestSMTPUnanswered(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inject(t, s, ProviderSMTP, Fault{DropRatio: 1})
	if err := sendSMTP(s, "a@b", smtpMail("p1/email/1", "")); !errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
	counted(t, s, ChannelEmail, ChannelCounts{Received: 1, Requests: 1, Unanswered: 1})
}

// trickle hands bytes out in pieces of the given sizes, over and over.
type trickle struct {
	rest  []byte
	sizes []int
	turn  int
}

func (t *trickle) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		return 0, io.EOF
	}
	n := min(t.sizes[t.turn%len(t.sizes)], len(t.rest), len(p))
	t.turn++
	copy(p, t.rest[:n])
	t.rest = t.rest[n:]
	return n, nil
}

// TestSMTPData checks that whatever the standard library's client writes comes out again, and that what
// follows it is left alone, however it is cut into packets.
func TestSMTPData(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.SampledFrom([]string{"", ".", "..", ".x", "x", "x.", "\r", "..."})).Draw(t, "lines")
		mail := strings.Join(lines, "\r\n")
		if mail != "" {
			mail += "\r\n"
		}
		var wire bytes.Buffer
		for line := range strings.Lines(mail) {
			if strings.HasPrefix(line, ".") {
				wire.WriteByte('.')
			}
			wire.WriteString(line)
		}
		wire.WriteString(".\r\nNOOP\r\n")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 7), 1, 5).Draw(t, "sizes")
		session := readSession(t, wire.Bytes(), sizes, smtpMaxSize)
		got, err := session.readData()
		if err != nil || string(got) != mail {
			t.Fatalf("read %q, %v, want %q", got, err, mail)
		}
		if next, err := session.in.ReadString('\n'); err != nil || next != "NOOP\r\n" {
			t.Fatalf("left %q, %v", next, err)
		}
	})
}

func FuzzSMTPSession(f *testing.F) {
	f.Add([]byte("EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nX-Presswork-Delivery: a/email/1\r\n\r\n..\r\n.\r\nQUIT\r\n"))
	f.Add([]byte("AUTH LOGIN\r\nx\r\ny\r\nAUTH PLAIN =\r\nRSET\r\nDATA\r\n"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		readSession(t, wire, []int{len(wire)}, 1000).converse()
	})
}
