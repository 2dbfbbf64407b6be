package app

import (
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

type preferencesBody struct {
	Topics    []string
	Frequency string
	Version   int
}

// TestPreferencesAcrossProcesses: what one process remembers, and another changes, is never shown as it was; by whichever way it
// changes.
func TestPreferencesAcrossProcesses(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	c.PreferencesCached = time.Minute
	first, second := *c, *c
	one, two := started(t, &first), started(t, &second)
	left, right := fixture.NewAPI(t, one.APIURL), fixture.NewAPI(t, two.APIURL)
	var person struct{ ID string }
	left.Call(t, http.MethodPost, "/subscribers", map[string]any{"email": "ann@x.example", "topics": []string{"go"}}, &person)
	where := "/subscribers/" + person.ID + "/preferences"
	read := func(api *fixture.API) (p preferencesBody) {
		api.Call(t, http.MethodGet, where, nil, &p)
		return p
	}
	read(left)
	if p := read(right); p.Version != 1 || p.Topics[0] != "go" {
		t.Errorf("read %+v", p)
	}
	says(t, scrape(one.Metrics), `presswork_preferences_recalled_total{result="miss"} 1`)
	says(t, scrape(two.Metrics), `presswork_preferences_recalled_total{result="hit"} 1`)
	for _, change := range []struct {
		name string
		by   func()
		want func(preferencesBody) bool
	}{
		{"the API", func() {
			left.Call(t, http.MethodPut, where, map[string]any{"topics": []string{"art"}, "frequency": "weekly"}, nil, "If-Match", "*")
		}, func(p preferencesBody) bool { return p.Topics[0] == "art" && p.Frequency == "weekly" }},
		{"the subscriber's own route", func() {
			left.Call(t, http.MethodPut, "/subscribers/"+person.ID, map[string]any{"email": "ann@x.example", "topics": []string{"go"}}, nil, "If-Match", "*")
		}, func(p preferencesBody) bool { return p.Topics[0] == "go" }},
		{"many at once", func() {
			left.Call(t, http.MethodPost, "/subscribers/bulk", map[string]any{"items": []map[string]any{{"action": "update", "id": person.ID, "version": 0,
				"subscriber": map[string]any{"email": "ann@x.example", "topics": []string{"jazz"}}}}}, nil)
		}, func(p preferencesBody) bool { return p.Topics[0] == "jazz" }},
	} {
		read(left)
		read(right)
		change.by()
		for name, api := range map[string]*fixture.API{"the one": left, "the other": right} {
			if p := read(api); !change.want(p) {
				t.Errorf("changed by %s, %s shows %+v", change.name, name, p)
			}
		}
	}
	client, ok := two.queue.Redis().(*redis.Client)
	if !ok {
		t.Fatal("it is no single Redis")
	}
	client.AddHook(away{})
	left.Call(t, http.MethodPut, where, map[string]any{"topics": []string{"rock"}}, nil, "If-Match", "*")
	if p := read(right); p.Topics[0] != "rock" {
		t.Errorf("without Redis: %+v", p)
	}
	says(t, scrape(two.Metrics), `presswork_preferences_recalled_total{result="away"} 1`)
}
