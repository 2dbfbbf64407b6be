package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/progress"
)

// three subscribers are enough here.
const threeCSV = "email,status\na@example.org,active\nb@example.org,active\nc@example.org,active\n"

// halfway and whole are a publication for three subscribers and two places of each kind.
func halfway() api.Progress {
	return api.Progress{State: "sending", All: api.Counts{Total: 8, Sent: 3}, Channels: []api.Counts{
		{Channel: "email", Total: 3, Sent: 2}, {Channel: "newsletter", Total: 3}, {Channel: "slack", Total: 2, Sent: 1},
	}}
}

func whole() api.Progress {
	end := time.Unix(1002, 5e8)
	return api.Progress{State: "completed", FanoutDone: true, CompletedAt: &end, All: api.Counts{Total: 12, Sent: 12}, Channels: []api.Counts{
		{Channel: "email", Total: 3, Sent: 3}, {Channel: "newsletter", Total: 3, Sent: 3},
		{Channel: "slack", Total: 2, Sent: 2}, {Channel: "discord", Total: 2, Sent: 2}, {Channel: "webhook", Total: 2, Sent: 2},
	}}
}

func all() map[string]int64 {
	return map[string]int64{"email": 3, "newsletter": 3, "slack": 2, "discord": 2, "webhook": 2}
}

func (f *fakeAPI) options(out, bars *strings.Builder, s fakeSandbox) Options {
	return Options{API: f.URL, Key: fakeKey, Sandbox: s, Out: out, Progress: progress.New(bars), Subscribers: []byte(threeCSV), period: time.Millisecond}
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := newFake(t, step{body: halfway()}, step{status: 503}, step{body: halfway()}, step{body: whole()})
	var out, bars strings.Builder
	r, err := Run(t.Context(), f.options(&out, &bars, fakeSandbox{url: "http://one", received: all()}))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"subscribers":3,"accepted":12,"sent":{"email":3,"newsletter":3,"slack":2,"discord":2,"webhook":2},"skipped":0,"failed":0,` +
		`"uncertain":0,"received":{"email":3,"newsletter":3,"slack":2,"discord":2,"webhook":2},"seconds":2.5}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if face := f.lists["brands"][0]; face["sender_id"] != "senders-0" || face["logo"] != "asset:assets-0" || face["slug"] != slug {
		t.Errorf("the brand is %v", face)
	}
	for _, part := range []string{"2 Slack, 2 Discord, 2 webhook", "10 articles", "3 imported, 0 were there", "3 subscribers and 6 places",
		"12 deliveries, completed, in 2.5 seconds.\nNothing arrived twice.\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not said:\n%s", part, out.String())
		}
	}
	wantBars := "sending: email 2/3; newsletter 0/3; slack 1/2\n" +
		"completed: email 3/3; newsletter 3/3; slack 2/2; discord 2/2; webhook 2/2\n"
	if bars.String() != wantBars {
		t.Errorf("progress:\n%s", bars.String())
	}
	sent, _ := json.Marshal(f.sent["audience"])
	if string(sent) != `{"all":true}` || len(f.sent["content_ids"].([]any)) != 10 || len(f.sent["channels"].([]any)) != 5 ||
		f.sent["sender_id"] != "senders-0" || f.sent["brand_id"] != "brands-0" || f.keys[0] == "" {
		t.Errorf("published %v with key %q", f.sent, f.keys)
	}
}

// TestRunAgain has the data of a first run, at another sandbox.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t, step{body: whole()})
	var out, bars strings.Builder
	if _, err := Run(t.Context(), f.options(&out, &bars, fakeSandbox{url: "http://one", received: all()})); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.calls = nil
	for i := range f.lists["contents"] {
		delete(f.lists["contents"][i], "body") // as lists are
	}
	f.lists["templates"][0]["languages"] = []string{"en"}
	f.lists["channels"] = append(f.lists["channels"], map[string]any{"id": "x", "kind": "slack", "name": "our own", "enabled": true},
		map[string]any{"id": "y", "kind": "slack", "name": "switched off", "enabled": false})
	f.mu.Unlock()
	out.Reset()
	r, err := Run(t.Context(), f.options(&out, &bars, fakeSandbox{url: "http://two", received: all()}))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		if strings.HasPrefix(call, "POST") && !slices.Contains([]string{"POST /api/v1/publications", "POST /api/v1/subscribers/import"}, call) {
			t.Errorf("made again: %s", call)
		}
	}
	for _, c := range f.lists["channels"][:8] {
		text, _ := json.Marshal(c)
		if strings.Contains(string(text), "http://one") {
			t.Errorf("still at the first sandbox: %s", text)
		}
	}
	if !strings.Contains(out.String(), "0 imported, 3 were there") || r.Targets.Slack != 3 || f.keys[0] == f.keys[1] {
		t.Errorf("%s, %+v, keys %q", out.String(), r.Targets, f.keys)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Options)
		steps  []step
		want   string
	}{
		{"key", func(o *Options) { o.Key = "wrong" }, nil, "401: A valid API key is needed."},
		{"file", func(o *Options) { o.Subscribers = []byte("bad line\n") }, nil,
			"422 Unprocessable Entity: Lines have errors.; line 2 email must have one @; /x is odd;  ;  ;  ; and 2 more"},
		{"nobody there", func(o *Options) { o.API = "http://127.0.0.1:1" }, nil, "connection refused"},
		{"not an address", func(o *Options) { o.API = "http://%" }, nil, "set the demo up"},
		{"publication gone", nil, []step{{body: halfway()}, {status: http.StatusNotFound}}, "404 Not Found"},
		{"API away for good", nil, []step{{status: http.StatusBadGateway}}, "502 Bad Gateway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, c.steps...)
			o := f.options(&strings.Builder{}, &strings.Builder{}, fakeSandbox{received: all()})
			o.Out, o.Progress = nil, nil
			if c.change != nil {
				c.change(&o)
			}
			if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestRunIsCutShort(t *testing.T) {
	t.Parallel()
	f := newFake(t, step{body: halfway()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := f.options(&strings.Builder{}, nil, fakeSandbox{received: map[string]int64{"email": 2}})
	o.Progress = progress.New(writer(func(string) { cancel() }))
	r, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) || r.Sent.Email != 2 || r.Received.Email != 2 || r.Check() == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) { w(string(p)); return len(p), nil }

func TestCheck(t *testing.T) {
	t.Parallel()
	m := made{subscribers: 3, targets: map[string]int64{"slack": 2, "discord": 2, "webhook": 2}}
	for _, c := range []struct {
		name   string
		change func(p *api.Progress, s *fakeSandbox)
		want   string
	}{
		{"all is well", func(*api.Progress, *fakeSandbox) {}, ""},
		{"failures", func(p *api.Progress, _ *fakeSandbox) {
			p.State, p.All.Failed, p.All.Sent, p.Channels[0].Sent = "completed_with_failures", 1, 11, 2
		}, "the publication is completed_with_failures, not completed\nemail: 2 sent, 3 received\nemail: 2 sent, 3 expected\n1 failed"},
		{"lost", func(_ *api.Progress, s *fakeSandbox) { s.received["slack"] = 1 }, "slack: 2 sent, 1 received"},
		{"doubled", func(_ *api.Progress, s *fakeSandbox) { s.doubled = 4 }, "4 were received twice"},
		{"one place forgotten", func(p *api.Progress, s *fakeSandbox) {
			p.Channels[4].Sent, p.All.Total, s.received["webhook"] = 1, 11, 1
		}, "webhook: 1 sent, 2 expected"},
		{"unsettled", func(p *api.Progress, _ *fakeSandbox) { p.All.Total = 13 }, "12 of 13 deliveries are settled"},
		{"uncertain", func(p *api.Progress, _ *fakeSandbox) { p.All.Total, p.All.Uncertain = 13, 1 }, "1 are uncertain"},
	} {
		p, s := whole(), fakeSandbox{received: all()}
		c.change(&p, &s)
		got := ""
		if err := newResult(m, api.Accepted{ID: "publications-0"}, p, s.Arrivals()["publications-0"]).Check(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestTableAfterAKill has a worker that died while it was sending to two, of whom one got it.
func TestTableAfterAKill(t *testing.T) {
	t.Parallel()
	m := made{subscribers: 3, targets: map[string]int64{"slack": 2, "discord": 2, "webhook": 2}}
	p, s := whole(), fakeSandbox{received: all(), doubled: 1}
	p.All.Sent, p.All.Uncertain = 10, 2
	p.Channels[0].Sent, p.Channels[0].Uncertain, s.received["email"] = 1, 2, 2
	var out strings.Builder
	if err := newResult(m, api.Accepted{ID: "publications-0"}, p, s.Arrivals()["publications-0"]).table(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"email        3     1         2        0       0          2\n", "1 arrived a second time.", "To 2 of them", "1 arrived.\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not said:\n%s", part, out.String())
		}
	}
}

func TestSubscribersIsACopy(t *testing.T) {
	t.Parallel()
	Subscribers()[0] = 'x'
	if !strings.HasPrefix(string(Subscribers()), "email,name,language,timezone,country,topics,status,consent_source,attr.company,attr.city\n") {
		t.Error("changed")
	}
}
