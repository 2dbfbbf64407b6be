package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/budget"
	"github.com/presswork/presswork/internal/capacity"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/worker"
	"github.com/presswork/presswork/tasks"
)

// scrape is what metrics say.
func scrape(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// says fails unless every line is in a text.
func says(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
}

// limitsAlone are limits without Redis, of the given channels.
func limitsAlone(t *testing.T, channels func(context.Context) ([]channel.Channel, error)) *budget.Budget {
	t.Helper()
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	b := budget.New(budget.Options{Redis: gone, Process: "one", Failures: 1, OpenFor: time.Minute, Channels: channels})
	t.Cleanup(b.Close)
	return b
}

func mailer(id int64, name, rate string) channel.Channel {
	return channel.Channel{ID: id, Kind: channel.Email, Provider: "fake", Name: name, Settings: map[string]string{"rate": rate}}
}

// fail has one call by a channel fail.
func fail(t *testing.T, target worker.Target) {
	t.Helper()
	done, err := target.Begin(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := done(fault.New(fault.Retry, "not_sent", "")); err == nil {
		t.Error("the failure is forgotten")
	}
}

// TestLimitsAreMeasured as this process knows them, whatever Redis does.
func TestLimitsAreMeasured(t *testing.T) {
	t.Parallel()
	b := limitsAlone(t, nil)
	m := telemetry.NewMetrics()
	if err := m.Register(newLimitsCollector(b)); err != nil {
		t.Fatal(err)
	}
	says(t, scrape(m), "presswork_limits_alone 0")
	limits := senderLimits{b}
	broken := limits.Target(mailer(1, "broken", "40"))
	limits.Target(mailer(2, "whole", ""))
	own := limits.Publication(3, channel.Email, 60)
	fail(t, broken)
	if _, err := broken.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {}); fault.CodeOf(err) != channel.CodeCircuitOpen {
		t.Errorf("a batch came in: %v", err)
	}
	pass, err := own.Enter(t.Context(), tasks.LaneNormal, 1, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	pass.Leave()
	text := scrape(m)
	says(t, text, "presswork_limits_alone 1", `presswork_breaker_state{target="broken"} 2`, `presswork_breaker_state{target="whole"} 0`,
		`presswork_provider_rate{target="broken"} 40`, `presswork_batches_held_total{reason="circuit_open",target="broken"} 1`)
	if strings.Contains(text, `presswork_provider_rate{target="whole"}`) {
		t.Error("what is not limited has a rate")
	}
}

// TestRatesOfKinds are those that are limited; one that cannot be read is an error.
func TestRatesOfKinds(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	outlet(t, c, "placeholder")
	a, err := Open(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	rates, err := a.rates(t.Context())
	if _, limited := rates[string(channel.Slack)]; err != nil || limited || len(rates) != len(channel.Kinds())-1 || rates[string(channel.Email)] != 0 {
		t.Errorf("got %v, %v", rates, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	a.limits = limitsAlone(t, func(context.Context) ([]channel.Channel, error) { return nil, errNotYet })
	if rates, err := a.rates(t.Context()); !errors.Is(err, errNotYet) || rates != nil {
		t.Errorf("got %v, %v", rates, err)
	}
}

// quoted is a provider's sender that tells what it allows.
type quoted struct{ channel.Sender }

func (quoted) Close() error { return nil }

func (quoted) Quota(context.Context) (channel.Quota, error) {
	return channel.Quota{PerSecond: 14, Per24h: 50_000, Sent24h: 120}, nil
}

// fixedChannels are switched on.
type fixedChannels []channel.Channel

func (f fixedChannels) EnabledChannels(context.Context) ([]channel.Channel, error) { return f, nil }

// TestQuotasAreAskedFor and shown; and operators are told of a circuit that opens.
func TestQuotasAreAskedFor(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.WarnLevel)
	c := migrated(t)
	c.BreakerFailures, c.BreakerOpen = 1, time.Minute
	a, err := Open(t.Context(), c, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	registry := channel.NewRegistry(nil, channel.Provider{Name: "fake", Open: func(context.Context, channel.Channel) (channel.Sender, error) {
		return quoted{}, nil
	}})
	outlets := worker.NewOutlets(fixedChannels{mailer(1, "mail", "")}, registry, zap.NewNop())
	if err := a.addQuotas(outlets); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fixture.Until(t, 20*time.Second, "the quota", func() (bool, string) {
		text := scrape(a.Metrics)
		return strings.Contains(text, "presswork_provider_quota"), text
	})
	says(t, scrape(a.Metrics), `presswork_provider_quota{of="per_second",target="mail"} 14`, `presswork_provider_quota{of="per_24h",target="mail"} 50000`,
		`presswork_provider_quota{of="sent_24h",target="mail"} 120`)
	fail(t, senderLimits{a.limits}.Target(mailer(1, "mail", "")))
	told := logs.FilterMessage("limits").FilterField(zap.String("notice", "circuit opened")).FilterField(zap.String("channel", "mail"))
	if told.Len() != 1 {
		t.Errorf("the log says %v", logs.All())
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	outlets.Close()
}

// fixedRecord is what PostgreSQL knows.
type fixedRecord struct {
	load capacity.Load
	err  error
}

func (r fixedRecord) Load(context.Context, time.Duration) (capacity.Load, error) {
	return r.load, r.err
}

func (r fixedRecord) Want(_ context.Context, wanted map[string]int, _ time.Duration) (map[string]int, error) {
	return wanted, r.err
}

// TestPoolsAreMeasured each by its name; with PostgreSQL away the others' metrics are there all the same.
func TestPoolsAreMeasured(t *testing.T) {
	t.Parallel()
	noTasks := func(context.Context, []string) (map[string]capacity.Tasks, error) { return nil, errNotYet }
	measured := func(r fixedRecord) string {
		t.Helper()
		m := telemetry.NewMetrics()
		pools := capacity.NewWatch(capacity.Settings{Objective: time.Minute, Stable: time.Minute, DatabasePool: 4, DatabaseConnections: 100,
			Pools: []capacity.Pool{{Name: "mail", Queues: []string{"email"}, Min: 2, Max: 10}, {Name: "chat", Queues: []string{"slack"}, Max: 3}}}, r, nil, noTasks)
		if err := m.Register(newPoolCollector(pools)); err != nil {
			t.Fatal(err)
		}
		return scrape(m)
	}
	text := measured(fixedRecord{load: capacity.Load{At: time.Now(), Connections: 100,
		Work:    []capacity.Work{{Queue: "email", Kind: "email", State: capacity.Ready, Units: 30, Age: 5 * time.Second}},
		Workers: []capacity.Worker{{Queues: []string{"email"}}}}})
	says(t, text, `presswork_pool_owed{pool="mail",state="ready"} 30`, `presswork_pool_owed{pool="chat",state="ready"} 0`,
		`presswork_pool_owed{pool="mail",state="paused"} 0`, `presswork_pool_replicas{pool="mail"} 1`, `presswork_pool_oldest_seconds{pool="mail"} 5`,
		`presswork_pool_desired_replicas{pool="mail"} 2`, `presswork_pool_desired_replicas{pool="chat"} 0`)
	if n := strings.Count(text, "presswork_pool_limited_by{"); n != 2 {
		t.Errorf("%d reasons of 2 pools", n)
	}
	if text := measured(fixedRecord{err: errNotYet}); strings.Contains(text, "presswork_pool_") || !strings.Contains(text, "go_goroutines") {
		t.Errorf("with PostgreSQL away:\n%s", text)
	}
}

// TestProcessesWithoutPools have nothing to show of them.
func TestProcessesWithoutPools(t *testing.T) {
	t.Parallel()
	a := &App{Config: &config.Config{}}
	if a.opsPools() != nil || a.opsWorker() != nil {
		t.Error("a pointer that is nil looks like something")
	}
}
