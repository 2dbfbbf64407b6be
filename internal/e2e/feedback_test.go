package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// simulated are readers at Amazon's mailbox simulator.
func simulated(names ...string) []fixture.Person {
	var list []fixture.Person
	for i, name := range names {
		list = append(list, fixture.Person{Email: fmt.Sprintf("%s+%d@simulator.amazonses.com", name, i), Name: "Simulated", Language: "en", Topic: "news"})
	}
	return list
}

// openWithSES is a house that mails by SES, whose events come by the hook, with every role unless told otherwise.
func openWithSES(t *testing.T, change func(*config.Config), roles ...app.Role) *house {
	t.Helper()
	if len(roles) == 0 {
		roles = []app.Role{app.API, app.Worker, app.Scheduler}
	}
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := openWith(t, servers{dbtest.New(t), redistest.New(t)}, func(c *config.Config) {
		c.SESEventsTopics, c.SESEventsStandin = []string{sandbox.SESTopic}, s.URL()+"/sns/"
		if change != nil {
			change(c)
		}
	}, roles...)
	h.Sandbox = s
	h.Providers = s.Addresses
	h.Connect(t, "email", "ses", "email-ses",
		map[string]string{"region": "eu-central-1", "endpoint": s.SESEndpoint(), "configuration_set": "events"},
		map[string]string{"access_key_id": "made-up-access-key-id", "secret_access_key": "made-up"})
	return h
}

// report makes the stand-in report to the house's hook.
func (h *house) report(r sandbox.SESReports) {
	h.t.Helper()
	r.Hook = h.config.PublicURL + "/hooks/ses"
	if err := h.Sandbox.ReportSES(h.t.Context(), r); err != nil {
		h.t.Fatal(err)
	}
}

// awaitCount waits until a query counts as many.
func (h *house) awaitCount(what string, want int, query string, args ...any) {
	h.t.Helper()
	fixture.Until(h.t, patience, what, func() (bool, string) {
		n := value[int](h, query, args...)
		return n == want, fmt.Sprint(n)
	})
}

// What the provider reports is counted once, settles deliveries, and keeps those from getting more who must not.
func TestFeedback(t *testing.T) {
	t.Parallel()
	h := openWithSES(t, nil)
	h.Subscribe(t, fixture.People("fine", 17))
	h.Subscribe(t, simulated("bounce", "complaint", "ooto"))
	h.report(sandbox.SESReports{Sends: true, SignatureVersion: "2"})
	id := h.Publish(t, fixture.Order{Title: "Feedback", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	h.awaitCount("deliveries", 18, `SELECT count(*)::int FROM delivery WHERE state = 3`)
	h.awaitCount("a bounce", 1, `SELECT count(*)::int FROM delivery WHERE state = 4`)
	h.awaitCount("a complaint", 1, `SELECT count(*)::int FROM delivery WHERE state = 5`)
	h.awaitCount("a soft bounce", 1, `SELECT count(*)::int FROM event WHERE kind = 7`)

	// The same again, in the older form and with the other signature, as SNS may: nothing is counted twice.
	h.report(sandbox.SESReports{Notifications: true})
	for _, kind := range []string{"Delivery", "Bounce", "Complaint"} {
		h.repeat(kind)
	}
	h.refuseForged()

	var report struct {
		Channels []struct {
			Sent                           int
			Delivered, Bounces, Complaints struct{ Total, Unique int }
			SoftBounces                    struct{ Total, Unique int } `json:"soft_bounces"`
		}
	}
	fixture.Until(t, patience, "the counters", func() (bool, string) {
		h.Call(t, http.MethodGet, "/publications/"+id+"/analytics", nil, &report)
		if len(report.Channels) != 1 {
			return false, fmt.Sprint(report)
		}
		c := report.Channels[0] // kinds of events need not be counted together
		return c.Delivered.Total == 19 && c.Bounces.Total > 0 && c.Complaints.Unique > 0 && c.SoftBounces.Total > 0, fmt.Sprint(report)
	})
	c := report.Channels[0]
	if c.Sent != 20 || c.Bounces.Total != 1 || c.Complaints.Unique != 1 || c.SoftBounces.Total != 1 {
		t.Errorf("counted %+v", c)
	}

	next := h.Publish(t, fixture.Order{Title: "After", Channels: []string{"email"}})
	h.Await(t, next, "completed", patience)
	h.wantOnce(next, "email", 18)
	reasons := value[string](h, `SELECT string_agg(DISTINCT d.state || ':' || d.reason, ' ' ORDER BY d.state || ':' || d.reason) FROM delivery d
		JOIN publication p ON p.id = d.publication_id WHERE p.uid = $1 AND d.state = 8`, next)
	if reasons != "8:13 8:14" {
		t.Errorf("suppressed as %q", reasons)
	}
	h.unsuppress()
	third := h.Publish(t, fixture.Order{Title: "Again", Channels: []string{"email"}})
	h.Await(t, third, "completed", patience)
	h.wantOnce(third, "email", 19)
}

// repeat posts an event of the kind about a mail that was reported before, twice.
func (h *house) repeat(kind string) {
	h.t.Helper()
	for _, m := range h.Sandbox.Messages(sandbox.ChannelEmail) {
		text, err := json.Marshal(map[string]any{
			"notificationType": kind,
			"mail": map[string]any{"messageId": m.ID, "timestamp": time.Now(),
				"headers": []map[string]string{{"name": "X-Presswork-Delivery", "value": m.Identity}}},
			strings.ToLower(kind): map[string]any{"bounceType": "Permanent", "timestamp": time.Now()},
		})
		if err != nil {
			h.t.Fatal(err)
		}
		simulatedOne := strings.HasPrefix(m.To, strings.ToLower(kind)+"+") || kind == "Delivery" && !strings.HasPrefix(m.To, "bounce+")
		if !simulatedOne {
			continue
		}
		body, err := h.Sandbox.Notification(string(text), time.Now())
		if err != nil {
			h.t.Fatal(err)
		}
		for range 2 {
			if got := h.post(body); got != http.StatusNoContent {
				h.t.Errorf("a repeated event was answered with %d", got)
			}
		}
	}
}

func (h *house) post(body []byte) int {
	h.t.Helper()
	return h.Visit(h.t, http.MethodPost, h.config.PublicURL+"/hooks/ses", body, "Content-Type", "text/plain; charset=UTF-8").Status
}

// refuseForged posts what Amazon did not send, or sent long ago.
func (h *house) refuseForged() {
	h.t.Helper()
	good, err := h.Sandbox.Notification(`{"eventType":"Bounce"}`, time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	old, err := h.Sandbox.Notification(`{}`, time.Now().Add(-2*time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	forged := map[string][]byte{
		"altered":       []byte(strings.Replace(string(good), "Bounce", "Bouncy", 1)),
		"old":           old,
		"another topic": []byte(strings.Replace(string(good), "ses-events", "my-events", 1)),
		"another key":   []byte(strings.Replace(string(good), "SimpleNotificationService-0", "SimpleNotificationService-1", 1)),
	}
	for what, body := range forged {
		if got := h.post(body); got != http.StatusForbidden {
			h.t.Errorf("%s: answered with %d", what, got)
		}
	}
	if got := h.post([]byte("hello")); got != http.StatusBadRequest {
		h.t.Errorf("no message of SNS: answered with %d", got)
	}
}

// unsuppress takes the complaint off the list by the API.
func (h *house) unsuppress() {
	h.t.Helper()
	var list struct {
		Items []struct{ ID, Reason, Source string }
	}
	h.Call(h.t, http.MethodPost, "/suppressions/lookup", map[string]string{"email": "Complaint+1@Simulator.AmazonSES.com"}, &list)
	if len(list.Items) != 1 || list.Items[0].Reason != "complaint" || list.Items[0].Source != "ses" {
		h.t.Fatalf("listed: %+v", list)
	}
	h.Call(h.t, http.MethodDelete, "/suppressions/"+list.Items[0].ID, nil, nil)
	h.Call(h.t, http.MethodGet, "/suppressions", nil, &list)
	if len(list.Items) != 1 || list.Items[0].Reason != "bounce" {
		h.t.Errorf("listed after that: %+v", list)
	}
}

// Mails whose acceptance nobody heard of are uncertain until the provider reports them. Here the events come by a queue of
// SQS, with what has nothing to do with it.
func TestUncertainIsSettledByEvents(t *testing.T) { //nolint:paralleltest // sets the environment
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_CONFIG_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	h := openWithSES(t, func(c *config.Config) {
		c.SESEventsQueue = strings.TrimSuffix(c.SESEventsStandin, "/sns/") + "/000000000000/ses-events"
	})
	h.Subscribe(t, fixture.People("mute", 3))
	h.Subscribe(t, simulated("bounce"))
	h.inject(sandbox.ProviderSES, sandbox.Fault{DropRatio: 1})
	id := h.Publish(t, fixture.Order{Title: "Uncertain", Channels: []string{"email"}})
	if p := h.Await(t, id, "completed", patience); p.All.Uncertain != 4 { // fewer than open the circuit
		t.Fatalf("progress is %s", p)
	}
	h.Sandbox.SendSQS("hello")
	if err := h.Sandbox.ReportSES(t.Context(), sandbox.SESReports{Queue: true}); err != nil {
		t.Fatal(err)
	}
	h.Sandbox.Clear()
	late := h.Sandbox.Messages(sandbox.ChannelEmail)
	if len(late) != 4 {
		t.Fatalf("%d mails arrived", len(late))
	}
	for _, m := range late {
		h.Sandbox.Report(m)
	}
	h.awaitCount("evidence", 0, `SELECT count(*)::int FROM delivery WHERE state = 7`)
	h.awaitCount("a bounce", 1, `SELECT count(*)::int FROM delivery WHERE state = 4`)
	if p := h.Await(t, id, "completed", patience); p.All.Uncertain != 0 || p.All.Sent != 4 {
		t.Errorf("progress is %s", p)
	}
	fixture.Until(t, patience, "the queue to empty", func() (bool, string) {
		return h.Sandbox.SQSDepth() == 0, fmt.Sprint(h.Sandbox.SQSDepth())
	})
	h.wantOnce(id, "email", 4)
}
