package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/config"
)

// limitedAPI is an API process whose clients may ask three times, with a number of /hooks of its own.
func limitedAPI(t *testing.T, c config.Config) *App {
	t.Helper()
	c.RateAddress, c.RateHooks = 3, 1000
	return started(t, &c)
}

func statusOf(t *testing.T, a *App, key string) (int, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.APIURL+"/api/v1/topics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header
}

// TestProcessesShareTheLimits, the admin key has none, and the metrics say what was refused.
func TestProcessesShareTheLimits(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	one, two := limitedAPI(t, *c), limitedAPI(t, *c)
	for i, a := range []*App{one, two, one} {
		if status, h := statusOf(t, a, "wrong"); status != http.StatusUnauthorized || h.Get("RateLimit-Policy") != `"address";q=3;w=60` {
			t.Errorf("guess %d: %d %v", i, status, h)
		}
	}
	if status, h := statusOf(t, two, "wrong"); status != http.StatusTooManyRequests || h.Get("Retry-After") == "" || !strings.HasPrefix(h.Get("RateLimit"), `"address";r=0;t=`) {
		t.Errorf("one guess more: %d %v", status, h)
	}
	if status, _ := statusOf(t, one, c.APIKey); status != http.StatusOK {
		t.Errorf("the admin key: %d", status)
	}
	says(t, scrape(two.Metrics), `presswork_rate_limited_total{limit="address"} 1`, "presswork_rate_limits_alone 0")
}

// TestLimitsWithRedisAway: there is no 500 and the numbers are the same.
func TestLimitsWithRedisAway(t *testing.T) {
	t.Parallel()
	a := limitedAPI(t, *migrated(t))
	client, ok := a.queue.Redis().(*redis.Client)
	if !ok {
		t.Fatal("it is no single Redis")
	}
	client.AddHook(away{})
	refused := 0
	for range 10 {
		switch status, _ := statusOf(t, a, "wrong"); status {
		case http.StatusTooManyRequests:
			refused++
		case http.StatusUnauthorized:
		default:
			t.Errorf("answered %d", status)
		}
	}
	if refused != 7 {
		t.Errorf("%d of 10 were refused", refused)
	}
	says(t, scrape(a.Metrics), `presswork_rate_limited_total{limit="address"} 7`, "presswork_rate_limits_alone 1")
	response, body := get(t, a.APIURL+"/readyz")
	if response != http.StatusOK || !strings.Contains(body, "degraded") {
		t.Errorf("ready: %d %s", response, body)
	}
}

// TestRateSettingsReachTheAPI, all of them.
func TestRateSettingsReachTheAPI(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	c.RateAddress, c.RatePrincipal, c.RateSignIn, c.RateTracking, c.RatePages, c.RateOneClick, c.RateHooks = 1, 2, 3, 4, 5, 6, 7
	a, err := Open(t.Context(), c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	got, err := a.rateLimits()
	if err != nil || got.Address != 1 || got.Principal != 2 || got.SignIn != 3 || got.Tracking != 4 || got.Pages != 5 || got.OneClick != 6 || got.Hooks != 7 {
		t.Errorf("%+v, %v", got, err)
	}
	if usual().header <= 0 || usual().body < usual().header || usual().idle <= 0 || usual().write < time.Second {
		t.Errorf("%+v", usual())
	}
}
