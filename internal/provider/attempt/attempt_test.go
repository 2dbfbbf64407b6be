package attempt_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var identity = channel.Identity{Publication: "p", Kind: channel.Webhook, Recipient: 7}

// post makes one attempt with a client of its own and returns its error, if any, with the attempt.
func post(t *testing.T, n attempt.Network, address string, change ...func(*http.Request)) (*http.Response, *attempt.Attempt, error) {
	t.Helper()
	client := n.Client()
	t.Cleanup(client.CloseIdleConnections)
	ctx, a := attempt.Start(t.Context(), identity)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	resp, err := client.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, a, err
}

var open = attempt.Network{AllowPrivate: true}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(channel.DeliveryHeader) != "p/webhook/7" || r.Header.Get("Idempotency-Key") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("X-Seen", "yes")
		w.WriteHeader(http.StatusTeapot)
	})
	resp, a, err := post(t, open, address, func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") })
	if err != nil || resp.StatusCode != http.StatusTeapot || a.Status() != http.StatusTeapot || a.Header().Get("X-Seen") != "yes" {
		t.Fatalf("status %d, %v", a.Status(), err)
	}
	if err := a.Fault(errors.New("teapot")); !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != "http_418" {
		t.Error(err)
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	address := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, a, err := post(t, open, address)
	if a.Status() != 0 || a.Header() != nil || !fault.Is(a.Fault(err), fault.Uncertain) {
		t.Errorf("%v: %v", err, a.Fault(err))
	}
}

func TestUnreadableAnswer(t *testing.T) {
	t.Parallel()
	_, a, err := post(t, open, serve(t, func(http.ResponseWriter, *http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Fault(io.ErrUnexpectedEOF); !fault.Is(err, fault.Uncertain) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// TestUnwritten ends the request while its body is being sent: the receiver cannot have all of it.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	address := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	broken := errors.New("the body ends here")
	_, a, err := post(t, open, address, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{broken})), 8
	})
	if !errors.Is(err, broken) || !fault.Is(a.Fault(err), fault.Retry) {
		t.Errorf("%v: %v", err, a.Fault(err))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSecondRequestIsRefused(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	address := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	client := open.Client()
	t.Cleanup(client.CloseIdleConnections)
	ctx, _ := attempt.Start(t.Context(), identity)
	for i := range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			attempt.Drain(resp.Body)
			_ = resp.Body.Close()
		}
		if (i == 0) != (err == nil) || (i > 0 && !errors.Is(err, attempt.ErrSecond)) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if requests.Load() != 1 {
		t.Errorf("%d requests arrived", requests.Load())
	}
}

// TestNoReplay closes a kept connection just when it is used again, upon which net/http replays what it
// can: idempotent requests, and those with an Idempotency-Key.
func TestNoReplay(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	client := open.Client()
	t.Cleanup(client.CloseIdleConnections)
	for i := range 2 {
		ctx, a := attempt.Start(t.Context(), identity)
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", "k")
		resp, err := client.Do(req)
		switch {
		case i == 0 && err != nil:
			t.Fatal(err)
		case i == 0:
			attempt.Drain(resp.Body)
			_ = resp.Body.Close()
		case !fault.Is(a.Fault(err), fault.Uncertain):
			t.Error(err)
		}
	}
	if requests.Load() != 2 {
		t.Errorf("%d requests arrived, not 2", requests.Load())
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	resp, _, err := post(t, open, address)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatal(err)
	}
	if err := attempt.Refusal(resp.StatusCode, resp.Header, nil); !fault.Is(err, fault.GiveUp) {
		t.Error(err)
	}
}

func TestAnswerIsLimited(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, attempt.MaxAnswer+1000))
	})
	resp, _, err := post(t, open, address)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != attempt.MaxAnswer {
		t.Errorf("read %d bytes, %v", len(body), err)
	}
}

// TestNothingIsReadOfAnotherProtocol: whoever reads what comes after a 101 would wait for ever.
func TestNothingIsReadOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	conns := make(chan net.Conn, 1)
	resp, _, err := post(t, open, serve(t, providertest.Silence(t, conns)))
	if err != nil {
		t.Fatal(err)
	}
	conn := <-conns
	defer conn.Close()
	if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusSwitchingProtocols || len(text) > 0 || err != nil {
		t.Errorf("%d %q %v", resp.StatusCode, text, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil { // which ends when the connection is closed
		t.Error(err)
	}
}

// TestHeaderIsLimited: of an answer whose header does not end nobody knows what it says.
func TestHeaderIsLimited(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 70<<10))
	})
	if _, a, err := post(t, open, address); !fault.Is(a.Fault(err), fault.Uncertain) {
		t.Errorf("%v", err)
	}
}

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "[fd00::1]"} {
		_, a, err := post(t, attempt.Network{}, "http://"+host+":"+port)
		if err = a.Fault(err); fault.CodeOf(err) != "address_forbidden" || !fault.Is(err, fault.GiveUp) {
			t.Errorf("%s: %v", host, err)
		}
	}
	allowed := attempt.Network{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	if _, _, err := post(t, allowed, "http://127.0.0.1:"+port); err != nil {
		t.Errorf("an allowed range: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		after  string
		kind   fault.Kind
		wait   time.Duration
	}{
		{301, "", fault.GiveUp, 0}, {400, "", fault.GiveUp, 0}, {401, "", fault.GiveUp, 0}, {404, "5", fault.GiveUp, 0},
		{408, "", fault.Retry, 0}, {425, "", fault.Retry, 0}, {429, "", fault.Wait, attempt.DefaultWait},
		{429, "7", fault.Wait, 7 * time.Second}, {429, "nonsense", fault.Wait, attempt.DefaultWait},
		{500, "9", fault.Retry, 0}, {502, "", fault.Retry, 0}, {502, "9", fault.Wait, 9 * time.Second},
		{503, "1.5", fault.Wait, 1500 * time.Millisecond}, {504, "3", fault.Wait, 3 * time.Second}, {599, "", fault.Retry, 0},
	} {
		header := http.Header{}
		if c.after != "" {
			header.Set("Retry-After", c.after)
		}
		var got *fault.Error
		if err := attempt.Refusal(c.status, header, nil); !errors.As(err, &got) || got.Kind != c.kind || got.After != c.wait {
			t.Errorf("%d %q gives %v, %v", c.status, c.after, got.Kind, got.After)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": -1, "soon": -1, "NaN": -1, "0": 0, "-5": 0, "3": 3 * time.Second, "0.25": 250 * time.Millisecond, "1e9": 24 * time.Hour,
		"Inf": 24 * time.Hour, now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0, now.AddDate(1, 0, 0).Format(http.TimeFormat): 24 * time.Hour,
	} {
		got, told := attempt.RetryAfter(http.Header{"Retry-After": {value}}, now)
		if told != (want >= 0) || got != max(want, 0) {
			t.Errorf("%q gives %v, %v", value, got, told)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("5")
	f.Add("Sun, 01 Mar 2026 12:00:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		d, told := attempt.RetryAfter(http.Header{"Retry-After": {value}}, time.Unix(0, 0))
		if d < 0 || d > 24*time.Hour || (!told && d != 0) {
			t.Errorf("%q gives %v, %v", value, d, told)
		}
	})
}

func TestCause(t *testing.T) {
	t.Parallel()
	secret := &url.Error{Op: "Post", URL: "https://hooks.example/T0/secret", Err: context.DeadlineExceeded}
	err := attempt.Cause(errors.Join(errors.New("post to secret"), secret))
	if strings.Contains(err.Error(), "secret") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q", err)
	}
	if attempt.Cause(nil) != nil {
		t.Error("nil has a cause")
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"550 5.1.1 <bob@example.org>:\r\n user unknown": "550 5.1.1 [address] user unknown",
		"see https://example.org/?key=1 now":            "see [link] now",
		"bad \xff byte":                                 "bad ? byte",
		strings.Repeat("é", 200):                        strings.Repeat("é", 148) + "…",
	} {
		if got := attempt.Scrub(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}
