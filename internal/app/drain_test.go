package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func TestDrainWaitsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	left := []int{0, 2, 2, 1, 0} // what was taken just before may show late
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1)) - 1
		if (r.Method == http.MethodPost) != (n == 0) || r.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("call %d: %s %v", n, r.Method, r.Header)
		}
		_, _ = fmt.Fprintf(w, `{"draining":true,"in_flight":%d}`, left[n])
	}))
	defer server.Close()
	var said []int
	if err := Drain(t.Context(), server.URL, "key", func(n int) { said = append(said, n) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(said, []int{0, 2, 1, 0}) || int(calls.Load()) != len(left) {
		t.Errorf("said %v in %d calls", said, calls.Load())
	}
}

func TestDrainSaysWhyNot(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = fmt.Fprint(w, body) }
	}
	for want, handler := range map[string]func(http.ResponseWriter, *http.Request){
		"no worker":      answer(404, ""),
		"401":            answer(401, ""),
		"read":           answer(200, "?"),
		"9 tasks are":    answer(200, `{"in_flight":9}`),
		"ask the worker": nil,
	} {
		server := httptest.NewServer(http.HandlerFunc(handler))
		if handler == nil {
			server.Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := Drain(ctx, server.URL, "key", func(int) { cancel() })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		cancel()
		server.Close()
	}
}

func TestOwnOps(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{":9090": "http://localhost:9090", "0.0.0.0:9": "http://localhost:9",
		"[::]:9": "http://localhost:9", "10.0.0.7:9090": "http://10.0.0.7:9090", "nowhere": ""} {
		if got, err := OwnOps(listen); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %s, %v", listen, got, err)
		}
	}
}
