package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// tiny is big enough to go through everything.
func tiny() size {
	return size{
		runs: 2, mails: 200, warm: 50 * time.Millisecond, load: 200 * time.Millisecond, clients: 4,
		audience: 20, starts: 2, idle: time.Millisecond, pause: time.Millisecond,
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		has  []string // fields besides those that all have
	}{
		{"api.publish", []string{"p95_ms", "limit", "runs"}},
		{"email.smtp", []string{"limit", "bytes_per_message", "runs"}},
		{"start.first", []string{"p50_ms", "p99_ms", "limit"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			if err := Run(t.Context(), Options{Only: tc.name, Out: &out, Log: &log, size: tiny()}); err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if value, ok := line["value"].(float64); line["name"] != tc.name || !ok || value <= 0 {
				t.Errorf("%s", out.String())
			}
			settings, _ := line["settings"].(map[string]any)
			if settings["fsync"] != "on" || settings["synchronous_commit"] != "on" {
				t.Errorf("not durable: %v", settings)
			}
			if measurable() && tc.name != "start.first" {
				tc.has = append(tc.has, "cpu_us", "cpu_us_worker", "cpu_us_postgres", "cpu_us_redis", "rss_mb")
			}
			for _, field := range tc.has {
				if _, there := line[field]; !there {
					t.Errorf("no %s in %s", field, out.String())
				}
			}
		})
	}
}

func TestRunNamed(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{Only: "email.pigeon"})
	if err == nil || !strings.Contains(err.Error(), "email.smtp") {
		t.Errorf("%v does not say what there is", err)
	}
}

// A program that does not start is an error, and what was started before it is stopped (TestMain looks for it).
func TestRunWithoutProgram(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Only: "email.smtp", Program: "/bin/false", Out: &out}); err == nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	log := writer(func(text string) {
		if strings.Contains(text, "starting") {
			cancel()
		}
	})
	if err := Run(ctx, Options{Only: "start.first", Out: &bytes.Buffer{}, Log: log, size: tiny()}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// writer calls itself with what is written.
type writer func(text string)

func (w writer) Write(p []byte) (int, error) { w(string(p)); return len(p), nil }
