package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/capacity"
)

type fakePools struct {
	list []capacity.Status
	err  error
}

func (f *fakePools) Pools(context.Context) ([]capacity.Status, error) { return f.list, f.err }

type fakeWorker struct{ told atomic.Bool }

func (f *fakeWorker) Drain()                { f.told.Store(true) }
func (f *fakeWorker) Draining() (bool, int) { return f.told.Load(), 3 }

// request asks with the key, and reads the answer into out.
func request(t *testing.T, method, url string, out any) int {
	t.Helper()
	answer, body := call(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, method, url, "Authorization", "Bearer "+key)
	if out != nil {
		if err := json.Unmarshal([]byte(body), out); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
	}
	return answer.StatusCode
}

func TestAutoscale(t *testing.T) {
	t.Parallel()
	pools := &fakePools{list: []capacity.Status{{Pool: "mail", Desired: 3, LimitedBy: capacity.ByWorkers}, {Pool: "fast", Desired: 1}}}
	server, _ := start(t, func(d *Deps) { d.Pools = pools })
	var all struct{ Pools []map[string]any }
	if status := request(t, http.MethodGet, server.URL+"/autoscale/v1/pools", &all); status != 200 || len(all.Pools) != 2 {
		t.Errorf("%d %v", status, all)
	}
	var one map[string]any
	if status := request(t, http.MethodGet, server.URL+"/autoscale/v1/pools/mail", &one); status != 200 ||
		one["desired_replicas"] != 3.0 || one["limited_by"] != "workers" || one["tasks"] != nil {
		t.Errorf("%d %v", status, one)
	}
	if status := request(t, http.MethodGet, server.URL+"/autoscale/v1/pools/none", &one); status != 404 {
		t.Errorf("a pool that does not exist: %d", status)
	}
	answer, _ := call(t, server.Client(), http.MethodGet, server.URL+"/autoscale/v1/pools/mail")
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the key: %d", answer.StatusCode)
	}
	pools.err = errors.New("postgres is away")
	if status := request(t, http.MethodGet, server.URL+"/autoscale/v1/pools", &one); status != 503 {
		t.Errorf("without the record: %d", status)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	worker := &fakeWorker{}
	server, _ := start(t, func(d *Deps) { d.Worker = worker })
	for _, step := range []struct {
		method   string
		status   int
		draining bool
	}{{http.MethodGet, 200, false}, {http.MethodPost, 202, true}, {http.MethodPost, 202, true}, {http.MethodGet, 200, true}} {
		var got drainBody
		if status := request(t, step.method, server.URL+"/drain", &got); status != step.status || got != (drainBody{step.draining, 3}) {
			t.Errorf("%s: %d %+v", step.method, status, got)
		}
	}
	if answer, _ := call(t, server.Client(), http.MethodPost, server.URL+"/drain"); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the key: %d", answer.StatusCode)
	}
}

func TestRoutesThatARoleDoesNotHave(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	for _, path := range []string{"/autoscale/v1/pools", "/drain"} {
		if status := request(t, http.MethodGet, server.URL+path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}
