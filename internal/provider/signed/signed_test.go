package signed_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/providertest"
	"github.com/presswork/presswork/internal/provider/signed"
	"github.com/presswork/presswork/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = attempt.Network{AllowPrivate: true}

// call posts a test event to a receiver of the test's own.
func call(t *testing.T, n attempt.Network, secrets []string, handler http.HandlerFunc) webhook.Answer {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return callAt(t, n, server.URL+"/in?token=hidden", secrets)
}

func callAt(t *testing.T, n attempt.Network, address string, secrets []string) webhook.Answer {
	t.Helper()
	caller := signed.NewCaller(n, nil)
	t.Cleanup(caller.Close)
	e := webhook.Event{UID: ident.New(), Type: webhook.Test, At: time.Now(), Data: webhook.TestData{}}
	body, err := e.Encode("https://news.example.org")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	answer := caller.Call(ctx, webhook.Call{URL: address, Secrets: secrets, ID: e.UID.String(), Body: body})
	if strings.Contains(answer.Words(), "hidden") || strings.Contains(answer.Words(), "127.0.0.1") || strings.Contains(answer.Words(), "::1") {
		t.Errorf("%q tells what it should not", answer.Words())
	}
	return answer
}

// verify reads a request as a receiver would, with the library that Standard Webhooks publishes.
func verify(t *testing.T, r *http.Request, secret string) error {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	return verifier.Verify(body, r.Header)
}

// TestRotationOverlaps: while a secret is rotated, who knows the old one and who knows the new one can verify; after that only the
// latter.
func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	before, after, never := webhook.NewSecret(), webhook.NewSecret(), webhook.NewSecret()
	now := time.Now()
	s, err := webhook.Secrets{Current: before}.Rotate(after, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at    time.Time
		knows string
		good  bool
	}{
		{now, before, true}, {now, after, true}, {now, never, false},
		{now.Add(2 * time.Hour), before, false}, {now.Add(2 * time.Hour), after, true},
	} {
		answer := call(t, loopback, s.Signing(c.at), func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Content-Type") != "application/cloudevents+json" || r.Header.Get("Webhook-Id") == "" || r.Header.Get("X-Presswork-Delivery") != "" {
				t.Errorf("%v", r.Header)
			}
			if err := verify(t, r, c.knows); (err == nil) != c.good {
				t.Errorf("verified at %v: %v", c.at, err)
			}
			w.WriteHeader(http.StatusAccepted)
		})
		if !answer.OK() || answer.Words() != "" {
			t.Errorf("%+v", answer)
		}
	}
}

// TestTampered: whoever changes a byte on the way is found out.
func TestTampered(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	call(t, loopback, []string{secret}, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for name, change := range map[string]func(header http.Header, body []byte){
			"body": func(_ http.Header, body []byte) { body[len(body)/2] ^= 1 },
			"id":   func(h http.Header, _ []byte) { h.Set("Webhook-Id", ident.New().String()) },
			"time": func(h http.Header, _ []byte) { h.Set("Webhook-Timestamp", "1700000000") },
		} {
			header, copied := r.Header.Clone(), append([]byte(nil), body...)
			change(header, copied)
			again := &http.Request{Header: header, Body: io.NopCloser(strings.NewReader(string(copied)))}
			if verify(t, again, secret) == nil {
				t.Errorf("a changed %s was believed", name)
			}
		}
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for status, after := range map[int]string{200: "", 307: "", 410: "", 429: "7", 503: "Fri, 31 Dec 1999 23:59:59 GMT", 500: "soon"} {
		var calls atomic.Int32
		answer := call(t, loopback, []string{webhook.NewSecret()}, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.Header().Set("Retry-After", after)
			w.WriteHeader(status)
			_, _ = w.Write(make([]byte, 1<<20))
		})
		if answer.Status != status || answer.Told != (after != "" && after != "soon") || answer.Told && status == 429 && answer.RetryAfter != 7*time.Second || calls.Load() != 1 {
			t.Errorf("%d: %+v after %d calls", status, answer, calls.Load())
		}
	}
}

// TestSwitchedProtocols: who answers with 101 and says nothing more has neither the call nor the connection for ever.
func TestSwitchedProtocols(t *testing.T) {
	t.Parallel()
	let := make(chan net.Conn, 1)
	answered := make(chan webhook.Answer, 1)
	server := httptest.NewServer(providertest.Silence(t, let))
	t.Cleanup(server.Close)
	go func() { answered <- callAt(t, loopback, server.URL, []string{webhook.NewSecret()}) }()
	conn := <-let
	defer conn.Close()
	select {
	case answer := <-answered:
		if answer.Status != http.StatusSwitchingProtocols || answer.OK() || answer.Words() == "" {
			t.Errorf("%+v", answer)
		}
	case <-time.After(15 * time.Second): // the call has ten
		_ = conn.Close()
		<-answered
		t.Fatal("the call goes on when its time is over")
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// TestNowhere: what is not public is not called, however it is written or found, and a redirect leads nowhere.
func TestNowhere(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(inside.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(inside.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "2130706433", "0x7f.1"} {
		answer := callAt(t, attempt.Network{}, "http://"+host+":"+port+"/in", []string{webhook.NewSecret()})
		if answer.Status != 0 || answer.Error == "" {
			t.Errorf("%s: %+v", host, answer)
		}
	}
	if answer := callAt(t, attempt.Network{}, inside.URL, []string{webhook.NewSecret()}); answer.Error != "the address is not public" {
		t.Errorf("%+v", answer)
	}
	answer := call(t, loopback, []string{webhook.NewSecret()}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
	})
	if answer.Status != http.StatusTemporaryRedirect || calls.Load() != 0 {
		t.Errorf("%+v, %d calls inside", answer, calls.Load())
	}
}

// TestNoAnswer: why there is none, in words that name nothing.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	secrets := []string{webhook.NewSecret()}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for address, want := range map[string]string{
		closed.URL: "no connection", secure.URL: "the certificate is not valid", "https" + strings.TrimPrefix(plain.URL, "http"): "no TLS is spoken there",
		"http://nowhere.invalid/": "the name cannot be resolved", "http://%zz/": "the address cannot be called",
	} {
		if answer := callAt(t, loopback, address, secrets); answer.Status != 0 || answer.Words() != want {
			t.Errorf("%s: %+v, want %q", address, answer, want)
		}
	}
	if answer := call(t, loopback, secrets, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); answer.Words() != "the connection broke" {
		t.Errorf("%+v", answer)
	}
	if answer := callAt(t, loopback, plain.URL, []string{"whsec_%hidden%"}); answer.Words() != "signing secret 1 is not base64" {
		t.Errorf("%+v", answer)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	caller := signed.NewCaller(loopback, nil)
	t.Cleanup(caller.Close)
	if answer := caller.Call(ctx, webhook.Call{URL: plain.URL, Secrets: secrets}); answer.Words() != "the call was cut short" {
		t.Errorf("%+v", answer)
	}
	late, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if answer := caller.Call(late, webhook.Call{URL: plain.URL, Secrets: secrets}); answer.Words() != "no answer in time" {
		t.Errorf("%+v", answer)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if _, err := signed.Parse(); !errors.Is(err, signed.ErrNoSecret) {
		t.Error(err)
	}
	if s, err := signed.Parse(webhook.NewSecret(), webhook.NewSecret()); err != nil || len(s) != 2 {
		t.Error(err)
	}
}
