package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/testkit/program"
)

// tiny is big enough to go through everything.
func tiny() size {
	return size{
		runs: 2, mails: 200, warm: 50 * time.Millisecond, load: 200 * time.Millisecond, clients: 4,
		audience: 20, starts: 2, idle: time.Millisecond, pause: time.Millisecond,
		urgent: 5, budgeted: time.Second, shared: 200,
		calls: 200, searches: 5, counts: 2, pairs: 2, lines: 100, few: 40, many: 200, backlog: 3000, delay: 200 * time.Millisecond, steady: 600 * time.Millisecond,
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	measured := program.Build(t)
	t.Run("urgent.p99", func(t *testing.T) {
		t.Parallel()
		runUrgent(t, measured)
	})
	for _, tc := range []struct {
		name string
		has  []string // fields besides those that all have
	}{
		{"api.publish", []string{"p95_ms", "limit", "runs", "cpu_us_parts"}},
		{"email.smtp", []string{"limit", "bytes_per_message", "runs"}},
		{"eligibility", []string{"runs"}},
		{"start.first", []string{"p50_ms", "p99_ms", "limit"}},
		{"email.ses", []string{"runs"}},
		{"memory", []string{"rss_mb_few", "rss_mb_many"}},
		{"reconcile", []string{"pending", "rate_before", "rate_after", "cpu_us_before", "cpu_us_after"}},
		{"workers.scale", []string{"limit", "runs"}},
		{"subscriber.search", []string{"p50_ms", "p95_ms"}},
		{"subscriber.import", []string{"runs"}},
		{"segment.count_1m", []string{"p50_ms", "p95_ms"}},
		{"segment.read", []string{"runs"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			if err := Run(t.Context(), Options{Only: tc.name, Program: measured, Out: &out, Log: &log, size: tiny()}); err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if value, ok := line["value"].(float64); line["name"] != tc.name || !ok || value < 0 || value == 0 && tc.name != "reconcile" && tc.name != "eligibility" {
				t.Errorf("%s", out.String())
			}
			settings, _ := line["settings"].(map[string]any)
			if settings["fsync"] != "on" || settings["synchronous_commit"] != "on" {
				t.Errorf("not durable: %v", settings)
			}
			if measurable() && slices.Contains([]string{"api.publish", "email.smtp", "email.ses"}, tc.name) {
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

// TestMessages has a line for a message alone, and one for many.
func TestMessages(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	if err := Run(t.Context(), Options{Only: "message.first", Program: program.Build(t), Out: &out, Log: &log, size: tiny()}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var names []string
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		var line Line
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if names = append(names, line.Name+" "+line.Unit); line.Value <= 0 || line.Latency == nil || line.P99 <= 0 {
			t.Errorf("%+v", line)
		}
	}
	if strings.Join(names, ", ") != "message.first ms, message.first.rate messages/s" {
		t.Errorf("%v", names)
	}
}

// One benchmark may have several lines, each with a name that begins with its own.
func runUrgent(t *testing.T, measured string) {
	t.Helper()
	var out, log bytes.Buffer
	if err := Run(t.Context(), Options{Only: "urgent.p99", Program: measured, BulkReaders: 60, Out: &out, Log: &log, size: tiny()}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var names []string
	for text := range bytes.Lines(out.Bytes()) {
		var line Line
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		names = append(names, line.Name)
		if line.Latency == nil || line.Value != line.P99 || line.P50 <= 0 || line.Limit == nil || line.Limit.Value <= 0 || line.Settings.Cores == 0 {
			t.Errorf("%s", text)
		}
	}
	if got := strings.Join(names, " "); got != "urgent.p99.20ms urgent.p99.100ms urgent.p99.14ps" {
		t.Errorf("lines %s", got)
	}
}

func TestDueOf(t *testing.T) {
	t.Parallel()
	moments := []float64{0.1, 0.2, 0.5, 0.9}
	for _, step := range []struct {
		now  float64
		want int
	}{{0, 0}, {0.3, 2}, {0.3, 0}, {0.5, 0}, {0.51, 1}, {1, 1}, {2, 0}} {
		if n := dueOf(&moments, step.now); n != step.want {
			t.Errorf("%d are due at %v, want %d", n, step.now, step.want)
		}
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
