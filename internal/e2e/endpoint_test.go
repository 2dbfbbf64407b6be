package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// TestAWebhookThatIsDown keeps its publication sending for as long as its schedule has it, and nobody asks it meanwhile;
// readers of the same publication have their mail.
func TestAWebhookThatIsDown(t *testing.T) {
	t.Parallel()
	h := openWith(t, servers{dbtest.New(t), redistest.New(t)},
		func(c *config.Config) { c.WebhookRetries = []time.Duration{time.Second, 20 * time.Hour} }, app.API, app.Worker, app.Scheduler)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "down")
	h.Subscribe(t, fixture.People("reader", 30))
	h.inject(sandbox.ProviderWebhook, sandbox.Fault{ErrorRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Later", Channels: []string{"email", "webhook"}})
	fixture.Until(t, patience, "the webhook to wait for long", func() (bool, string) {
		hours := value[float64](h, `SELECT coalesce(max(extract(epoch FROM not_before - clock_timestamp()) / 3600)
			FILTER (WHERE state = 'waiting' AND channel_id = 5), 0)::float8 FROM batch`)
		return hours > 15 && value[bool](h, `SELECT count(*) = 30 FROM delivery WHERE channel_id = 1 AND state = 2`), time.Duration(hours * float64(time.Hour)).String()
	})
	h.wantOnce(id, "email", 30)
	if state := value[string](h, `SELECT state FROM publication`); state != "sending" {
		t.Errorf("the publication is %s", state)
	}
	if c := h.Sandbox.Counts()["webhook"]; c.Requests != 2 || c.Received != 0 {
		t.Errorf("the endpoint was asked: %+v", c)
	}
	if n := value[int](h, `SELECT count(*)::int FROM delivery WHERE channel_id = 5 AND state = 0 AND attempt = 2`); n != 1 {
		t.Errorf("%d rows owe it with two attempts", n)
	}
	if since := value[*time.Time](h, `SELECT failing_since FROM channel WHERE kind = 'webhook'`); since == nil {
		t.Error("nobody knows that it fails")
	}
}

// TestAWebhookThatIsGone is switched off by its answer 410, gets nothing more, and works again once somebody verified it and
// switched it on.
func TestAWebhookThatIsGone(t *testing.T) {
	t.Parallel()
	h := open(t)
	gone := h.ConnectWebhook(t, "gone")
	h.ConnectWebhook(t, "there")
	h.inject(sandbox.ProviderWebhook, sandbox.Fault{Match: "gone", ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	id := h.Publish(t, fixture.Order{Title: "First", Channels: []string{"webhook"}})
	p := h.Await(t, id, "completed_with_failures", patience)
	if p.All.Sent != 1 || p.All.Failed != 1 {
		t.Errorf("progress is %s", p)
	}
	var shown struct {
		Enabled        bool   `json:"enabled"`
		DisabledReason string `json:"disabled_reason"`
		FailingSince   string `json:"failing_since"`
	}
	fixture.Until(t, patience, "the channel to be switched off", func() (bool, string) {
		h.Call(t, http.MethodGet, "/channels/"+gone, nil, &shown)
		return !shown.Enabled && shown.DisabledReason == "gone" && shown.FailingSince != "", shown.DisabledReason
	})
	if n := value[int](h, `SELECT count(*)::int FROM audit_event WHERE action = 'channel.switch_off' AND actor = 'system'`); n != 1 {
		t.Errorf("%d lines of the audit log", n)
	}
	fixture.Until(t, patience, "the worker to say so", func() (bool, string) {
		return h.logs.FilterMessage("channel switched off").Len() == 1, ""
	})
	second := h.Publish(t, fixture.Order{Title: "Second", Channels: []string{"webhook"}})
	h.Await(t, second, "completed", patience)
	h.wantOnce(second, "webhook", 1)

	h.Sandbox.Clear()
	var found struct {
		Verified bool `json:"verified"`
	}
	if h.Call(t, http.MethodPost, "/channels/"+gone+"/verify", nil, &found); !found.Verified {
		t.Errorf("%+v", found)
	}
	h.Call(t, http.MethodPost, "/channels/"+gone+"/enable", nil, nil)
	third := h.Publish(t, fixture.Order{Title: "Third", Channels: []string{"webhook"}})
	h.Await(t, third, "completed", patience)
	h.wantOnce(third, "webhook", 2)
}
