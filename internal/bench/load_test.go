package bench

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	var keys sync.Map
	var requests, repeats atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if _, seen := keys.LoadOrStore(r.Header.Get("Idempotency-Key"), true); seen {
			repeats.Add(1)
		}
		if r.Header.Get("Authorization") != "Bearer key" || r.ContentLength != 2 || r.URL.Path != "/path" {
			t.Errorf("%s %v %d", r.URL, r.Header, r.ContentLength)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	l := load{addr: strings.TrimPrefix(server.URL, "http://"), path: "/path", key: "key", body: "{}", clients: 3, repeat: 4}
	var got answers
	for lasting := 50 * time.Millisecond; len(got.took) == 0; lasting *= 2 { // a busy machine may answer nothing in so short a time
		requests.Store(0)
		repeats.Store(0)
		var err error
		if got, err = l.run(t.Context(), lasting); err != nil {
			t.Fatal(err)
		}
	}
	// Each client's last answer may have come too late to count.
	if n := int64(len(got.took)); n > requests.Load() || n < requests.Load()-3 {
		t.Errorf("%d of %d requests", n, requests.Load())
	}
	if n := int64(got.repeats); n > repeats.Load() || n < repeats.Load()-3 || repeats.Load() > requests.Load()/4 || got.made() != len(got.took)-got.repeats {
		t.Errorf("%d of %d repeats in %d requests", n, repeats.Load(), requests.Load())
	}
}

func TestLoadRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not today", http.StatusServiceUnavailable)
	}))
	defer server.Close()
	l := load{addr: strings.TrimPrefix(server.URL, "http://"), path: "/", body: "{}", clients: 3}
	if _, err := l.run(t.Context(), time.Hour); err == nil || !strings.Contains(err.Error(), "not today") {
		t.Errorf("%v", err)
	}
	l.addr = "127.0.0.1:1"
	if _, err := l.run(t.Context(), time.Hour); err == nil {
		t.Error("nobody listens there")
	}
}
