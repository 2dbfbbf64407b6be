package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a sandbox for the time of a test.
func start(t testing.TB, o Options) *Sandbox {
	t.Helper()
	s, err := Start(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client is an HTTP client that leaves no connections behind.
func client(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// call makes one request and returns its status, headers and body.
func call(t *testing.T, method, url string, header http.Header, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(answer)
}

// inject puts faults in force, or ends the test.
func inject(t *testing.T, s *Sandbox, provider string, list ...Fault) {
	t.Helper()
	if err := s.Inject(provider, list...); err != nil {
		t.Fatal(err)
	}
}

// counted checks a channel's counters.
func counted(t *testing.T, s *Sandbox, channel string, want ChannelCounts) {
	t.Helper()
	if got := s.Counts()[channel]; got != want {
		t.Errorf("%s: counts %+v, want %+v", channel, got, want)
	}
}
