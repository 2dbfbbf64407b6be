package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
	"github.com/presswork/presswork/tasks"
)

// shownChannel is what the API says of a channel's circuit breaker.
type shownChannel struct {
	Breaker struct {
		State     string     `json:"state"`
		ReopensAt *time.Time `json:"reopens_at"`
	} `json:"breaker"`
}

func (h *house) breaker(id string) shownChannel {
	h.t.Helper()
	var c shownChannel
	h.Call(h.t, http.MethodGet, "/channels/"+id, nil, &c)
	return c
}

// lastErrors are those of the tasks that wait to be run again, as Asynqmon shows them.
func lastErrors(t *testing.T, address string) []string {
	t.Helper()
	o, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	inspector := asynq.NewInspectorFromRedisClient(client)
	var list []string
	for name := range tasks.Queues() {
		infos, err := inspector.ListRetryTasks(name)
		if err != nil {
			continue // a queue that was never used
		}
		for _, info := range infos {
			list = append(list, info.LastErr)
		}
	}
	return list
}

// TestOutage: a provider is away for a while. Only what was on its way when the circuit opened, and the probes, use an
// attempt; the rest waits, in no slot, and says until when. Two workers share the circuit.
func TestOutage(t *testing.T) {
	t.Parallel()
	const readers = 400
	on := servers{dbtest.New(t), redistest.New(t)}
	h := openOn(t, on, app.API, app.Worker, app.Scheduler)
	h.start(nil, app.Worker)
	channel := h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("outage", readers))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Latency: 20 * time.Millisecond})
	id := h.Publish(t, fixture.Order{Title: "Through an outage", Channels: []string{"email"}})
	h.awaitArrivals(id, "email", 30)
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Outage: sandbox.Unavailable})
	fixture.Until(t, patience, "the circuit to open", func() (bool, string) {
		b := h.breaker(channel).Breaker
		return b.State == "open" && b.ReopensAt != nil, b.State
	})
	fixture.Until(t, patience, "the tasks to say why they wait", func() (bool, string) {
		list := lastErrors(t, on.redis)
		for _, text := range list {
			if strings.Contains(text, "circuit open until "+time.Now().UTC().Format("2006-")) {
				return true, ""
			}
		}
		return false, fmt.Sprint(list)
	})
	opened := map[string]bool{}
	fixture.Until(t, patience, "two probes", func() (bool, string) {
		if at := h.breaker(channel).Breaker.ReopensAt; at != nil {
			opened[at.Round(2*time.Second).String()] = true // a look reckons the time anew
		}
		return len(opened) > 2, fmt.Sprint(opened)
	})
	h.Sandbox.Clear()
	p := h.Await(t, id, "completed", patience)
	if p.All.Sent != readers || p.All.Uncertain != 0 {
		t.Errorf("progress is %s", p)
	}
	h.wantOnce(id, "email", readers)
	// Each of two processes had its own connections under way before it knew.
	more, most := value[int](h, `SELECT count(*)::int FROM delivery WHERE attempt > 1`), value[int](h, `SELECT max(attempt)::int FROM delivery`)
	if more > 2*h.config.Connections || most > 2 {
		t.Errorf("%d recipients took more than one attempt, one of them %d", more, most)
	}
	if got := h.breaker(channel).Breaker.State; got != "closed" {
		t.Errorf("in the end the circuit is %s", got)
	}
}

// TestFallback: while the circuit of a channel is open, another one stands in.
func TestFallback(t *testing.T) {
	t.Parallel()
	const readers = 120
	h := openWith(t, servers{dbtest.New(t), redistest.New(t)}, func(c *config.Config) { c.BreakerOpen = time.Minute },
		app.API, app.Worker, app.Scheduler)
	settings := map[string]string{"region": "eu-central-1", "endpoint": h.Providers.SESEndpoint()}
	secrets := map[string]string{"access_key_id": "made-up-access-key-id", "secret_access_key": "made-up"}
	ses := h.Connect(t, "email", "ses", "email-ses", settings, secrets)
	h.ConnectSMTP(t, "email")
	settings["fallback"] = "email-smtp"
	body := map[string]any{"kind": "email", "provider": "ses", "name": "email-ses", "settings": settings}
	h.Call(t, http.MethodPut, "/channels/"+ses, body, nil, "If-Match", "*")
	settings["fallback"] = "email-ses"
	if err := h.Try(t.Context(), http.MethodPut, "/channels/"+ses, body, nil, "If-Match", "*"); err == nil {
		t.Error("a channel may stand in for itself")
	}
	h.Subscribe(t, fixture.People("fallback", readers))
	h.inject(sandbox.ProviderSES, sandbox.Fault{Outage: sandbox.Unavailable})
	id := h.Publish(t, fixture.Order{Title: "By another way", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", readers)
	for _, m := range h.Sandbox.Messages("email") {
		if m.Provider != sandbox.ProviderSMTP {
			t.Fatalf("a mail went by %s", m.Provider)
		}
	}
	if got := h.breaker(ses).Breaker.State; got != "open" {
		t.Errorf("the circuit is %s", got)
	}
}

// TestUrgentUnderABudget: with the provider's rate as the limit, what is urgent does not wait for a bulk run.
func TestUrgentUnderABudget(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Connect(t, "email", "smtp", "email-smtp", map[string]string{"rate": "14"}, map[string]string{"url": "smtp://" + h.Providers.SMTPAddr()})
	h.Subscribe(t, fixture.People("bulk", 600))
	bulk := h.Publish(t, fixture.Order{Title: "For all", Channels: []string{"email"}, Priority: "bulk"})
	h.awaitArrivals(bulk, "email", 20)
	few := fixture.People("few", 10)
	for i := range few {
		few[i].Topic = "staff"
	}
	h.Subscribe(t, few)
	urgent := h.Publish(t, fixture.Order{Title: "At once", Channels: []string{"email"}, Priority: "high", Topics: []string{"staff"}})
	h.Await(t, urgent, "completed", patience)
	if n, _ := h.arrived(bulk, "email"); n >= 600 {
		t.Error("the bulk run was over before")
	}
	h.Control(t, bulk, "cancel") // at this rate it would take most of a minute
	h.wantOnce(urgent, "email", 10)
}

// TestRateOfAPublication holds for it alone.
func TestRateOfAPublication(t *testing.T) {
	t.Parallel()
	const readers = 14
	h := open(t)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("slow", readers))
	request := h.Request(fixture.Order{Title: "Slowly", Channels: []string{"email"}})
	request["rate_per_minute"] = 240 // four a second, and four at once in the beginning
	var made struct {
		ID   string `json:"id"`
		Rate int    `json:"rate_per_minute"`
	}
	began := time.Now() // before the first can have been sent
	h.Call(t, http.MethodPost, "/publications", request, &made)
	slow := made.ID
	h.Call(t, http.MethodGet, "/publications/"+slow, nil, &made)
	if made.Rate != 240 {
		t.Errorf("it is shown with a rate of %d", made.Rate)
	}
	h.awaitArrivals(slow, "email", 1)
	fast := h.Publish(t, fixture.Order{Title: "Fast", Channels: []string{"email"}})
	h.Await(t, fast, "completed", patience)
	h.Await(t, slow, "completed", patience)
	h.wantOnce(slow, "email", readers)
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("%d took %s", readers, took)
	}
	request["rate_per_minute"] = 0
	if err := h.Try(t.Context(), http.MethodPost, "/publications", request, nil); err == nil || !strings.Contains(err.Error(), "rate_per_minute") {
		t.Errorf("a rate of nothing: %v", err)
	}
}
