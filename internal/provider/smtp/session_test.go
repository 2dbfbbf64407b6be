package smtp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/smtp"
	"github.com/presswork/presswork/internal/sandbox"
)

const mail = "MAIL RCPT DATA ."

func TestSessions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script                  *script
		scheme, userinfo, query string
		want                    fault.Kind // of the first mail; none: it is sent
		log                     string     // after one mail, or the same twice
	}{
		"one by one":     {log: "EHLO " + mail},
		"pipelined":      {script: &script{extensions: []string{"PIPELINING"}}, log: "EHLO " + mail},
		"STARTTLS":       {script: &script{extensions: []string{"STARTTLS"}}, log: "EHLO STARTTLS EHLO " + mail},
		"TLS refused":    {script: &script{extensions: []string{"STARTTLS"}}, query: "?tls=none", log: "EHLO " + mail},
		"TLS at once":    {script: &script{implicit: true}, scheme: "smtps", log: "EHLO " + mail},
		"TLS missing":    {userinfo: "u:hidden@", query: "?tls=required", want: fault.Retry, log: "EHLO"},
		"TLS failing":    {script: &script{extensions: []string{"STARTTLS"}, answers: map[string]string{"STARTTLS": "454 no"}}, want: fault.Retry, log: "EHLO STARTTLS"},
		"PLAIN":          {script: &script{extensions: []string{"STARTTLS", "AUTH PLAIN LOGIN"}}, userinfo: "u:hidden@", log: "EHLO STARTTLS EHLO AUTH " + mail},
		"CRAM-MD5":       {script: &script{extensions: []string{"AUTH CRAM-MD5"}, answers: map[string]string{"AUTH": "334 PDEuMkBob3N0Pg=="}}, userinfo: "u:hidden@", log: "EHLO AUTH " + mail},
		"no mechanism":   {script: &script{extensions: []string{"AUTH X"}}, userinfo: "u:hidden@", want: fault.Retry, log: "EHLO"},
		"wrong password": {script: &script{extensions: []string{"AUTH PLAIN"}, answers: map[string]string{"AUTH": "535 5.7.8 not accepted"}}, userinfo: "u:hidden@", want: fault.Retry, log: "EHLO AUTH *"},
		"no such user":   {script: &script{answers: map[string]string{"RCPT": "550 5.1.1 no"}}, want: fault.GiveUp, log: "EHLO MAIL RCPT RSET"},
		"no such user, pipelined": {
			script: &script{extensions: []string{"PIPELINING"}, answers: map[string]string{"RCPT": "550 5.1.1 no", "DATA": "503 nobody"}},
			want:   fault.GiveUp, log: "EHLO MAIL RCPT DATA RSET",
		},
		"content for nobody": {
			script: &script{extensions: []string{"PIPELINING"}, answers: map[string]string{"RCPT": "550 5.1.1 no"}},
			want:   fault.GiveUp, log: "EHLO MAIL RCPT DATA",
		},
		"sender refused": {script: &script{answers: map[string]string{"MAIL": "451 4.3.0 later"}}, want: fault.Retry, log: "EHLO MAIL RSET"},
		"goodbye":        {script: &script{answers: map[string]string{"MAIL": "421 4.3.2 bye"}}, want: fault.Retry, log: "EHLO MAIL"},
		"rate":           {script: &script{answers: map[string]string{"MAIL": "421 4.7.0 too much"}}, want: fault.Wait, log: "EHLO MAIL"},
		"lost":           {script: &script{answers: map[string]string{"RCPT": ""}}, want: fault.Retry, log: "EHLO MAIL RCPT"},
		"lost, refused": {
			script: &script{extensions: []string{"PIPELINING"}, answers: map[string]string{"MAIL": "550 no", "RCPT": ""}},
			want:   fault.GiveUp, log: "EHLO MAIL RCPT",
		},
		"content refused": {script: &script{answers: map[string]string{".": "554 5.6.0 spam"}}, want: fault.GiveUp, log: "EHLO " + mail},
		"content later":   {script: &script{answers: map[string]string{".": "451 4.3.0 later"}}, want: fault.Retry, log: "EHLO " + mail},
		"content, rate":   {script: &script{answers: map[string]string{".": "451 4.7.1 later"}}, want: fault.Wait, log: "EHLO " + mail},
		"no answer":       {script: &script{answers: map[string]string{".": ""}}, want: fault.Uncertain, log: "EHLO " + mail},
		"nonsense":        {script: &script{answers: map[string]string{".": "what?"}}, want: fault.Uncertain, log: "EHLO " + mail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.script
			if s == nil {
				s = &script{}
			}
			scheme := c.scheme
			if scheme == "" {
				scheme = "smtp"
			}
			sender := s.start(t, scheme, c.userinfo, c.query)
			err := send(t.Context(), sender, 1)
			switch {
			case c.want == 0 && err != nil, c.want != 0 && !fault.Is(err, c.want):
				t.Errorf("%v is %v", err, fault.KindOf(err))
			case err != nil && strings.Contains(err.Error(), "hidden"):
				t.Errorf("the error names the password: %v", err)
			}
			if got := s.commands(); got != c.log {
				t.Errorf("commands %q, not %q", got, c.log)
			}
		})
	}
}

// TestSizeIsAnnounced so that a server refuses what is too large for it before it was sent.
func TestSizeIsAnnounced(t *testing.T) {
	t.Parallel()
	s := &script{extensions: []string{"SIZE 1000"}, answers: map[string]string{"MAIL": "552 5.3.4 too big"}}
	sender := s.start(t, "smtp", "", "")
	m := providertest.Message(channel.Email, 1)
	file, err := mime.Attachment("a.bin", "application/octet-stream", mime.EncodeFile(make([]byte, 5000)))
	if err != nil {
		t.Fatal(err)
	}
	m.Mail.Attached = []*channel.File{file}
	if err := sender.Send(t.Context(), m); !fault.Is(err, fault.GiveUp) {
		t.Errorf("%v", err)
	}
	raw, err := mime.Append(nil, m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.commands(), "EHLO MAIL RSET"; got != want {
		t.Errorf("commands %q, not %q", got, want)
	}
	if got, want := s.firstLine("MAIL"), fmt.Sprintf("MAIL FROM:<news@sender.example> SIZE=%d", len(raw)); got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

// TestCutInTheFiles is certain, however much was sent: the final dot was not.
func TestCutInTheFiles(t *testing.T) {
	t.Parallel()
	s := &script{cut: 100_000}
	sender := s.start(t, "smtp", "", "")
	m := providertest.Message(channel.Email, 1)
	file, err := mime.Attachment("a.bin", "application/octet-stream", mime.EncodeFile(make([]byte, 10<<20)))
	if err != nil {
		t.Fatal(err)
	}
	m.Mail.Attached = []*channel.File{file}
	if err := sender.Send(t.Context(), m); !fault.Is(err, fault.Retry) {
		t.Errorf("%v is %v", err, fault.KindOf(err))
	}
	if got := s.commands(); got != "EHLO MAIL RCPT DATA" {
		t.Errorf("commands %q", got)
	}
}

// TestKeptConnections says what becomes of the second mail on a connection that the server gave up.
func TestKeptConnections(t *testing.T) {
	t.Parallel()
	twice := "EHLO " + mail + " MAIL "
	for name, c := range map[string]struct {
		answers     map[string]string
		want        fault.Kind
		connections int
		log         string
	}{
		"alive":             {nil, 0, 1, "EHLO " + mail + " " + mail},
		"closed":            {map[string]string{"MAIL": ""}, 0, 2, twice + "EHLO " + mail},
		"idle too long":     {map[string]string{"MAIL": "421 4.4.2 idle"}, 0, 2, twice + "EHLO " + mail},
		"too fast":          {map[string]string{"MAIL": "421 4.7.0 slow down"}, fault.Wait, 1, "EHLO " + mail + " MAIL"},
		"closed after RCPT": {map[string]string{"RCPT": ""}, 0, 2, twice + "RCPT EHLO " + mail},
		"no answer":         {map[string]string{".": ""}, fault.Uncertain, 1, "EHLO " + mail + " " + mail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: c.answers, later: true}
			sender := s.start(t, "smtp", "", "")
			if err := send(t.Context(), sender, 1); err != nil {
				t.Fatal(err)
			}
			if err := send(t.Context(), sender, 2); (c.want == 0) != (err == nil) || (err != nil && !fault.Is(err, c.want)) {
				t.Errorf("%v", err)
			}
			if got := s.commands(); got != c.log {
				t.Errorf("commands %q, not %q", got, c.log)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.connections != c.connections {
				t.Errorf("%d connections", s.connections)
			}
		})
	}
}

// TestUntrustedCertificate must not send the password.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := &script{extensions: []string{"STARTTLS", "AUTH PLAIN"}}
	cert, _ := certificate(t)
	sender, err := smtp.Provider(smtp.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go s.serve(server, &tls.Config{Certificates: []tls.Certificate{cert}})
		return client, nil
	}}).Open(t.Context(), channel.Channel{Secrets: map[string]string{"url": "smtp://u:hidden@relay.example"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	if err := send(t.Context(), sender, 1); !fault.Is(err, fault.Retry) {
		t.Errorf("%v", err)
	}
	if got := s.commands(); got != "EHLO STARTTLS" {
		t.Errorf("commands %q", got)
	}
}

// TestConnectionIsReplaced after the number of mails that relays commonly allow.
func TestConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	server, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	dialled := 0
	sender, err := smtp.Provider(smtp.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled++
		return new(net.Dialer).DialContext(ctx, network, address)
	}}).Open(t.Context(), channel.Channel{Secrets: map[string]string{"url": "smtp://" + server.SMTPAddr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	for i := range int64(1001) {
		if err := send(t.Context(), sender, i); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Counts().Total(); dialled != 2 || n.Received != 1001 || n.Doubled != 0 {
		t.Errorf("%d connections, %+v", dialled, n)
	}
}

// TestIdleConnectionsAreClosed half a minute after their last mail.
func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, ended := &script{}, make(chan struct{})
		sender, err := smtp.Provider(smtp.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer close(ended)
				s.serve(server, nil)
			}()
			return client, nil
		}}).Open(t.Context(), channel.Channel{Secrets: map[string]string{"url": "smtp://relay.example"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := send(t.Context(), sender, 1); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		<-ended
		if idle := time.Since(began); idle != 30*time.Second {
			t.Errorf("closed after %v", idle)
		}
		if got := s.commands(); got != "EHLO "+mail+" QUIT" {
			t.Errorf("commands %q", got)
		}
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
		if err := send(t.Context(), sender, 2); !fault.Is(err, fault.Retry) {
			t.Errorf("a closed sender: %v", err)
		}
	})
}
