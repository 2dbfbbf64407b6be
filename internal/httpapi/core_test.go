package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// brokenTopics fails in the way of err, or panics without one.
type brokenTopics struct {
	TopicStore
	err error
}

func (b brokenTopics) ListTopics(context.Context, int64, int) ([]subscriber.Topic, error) {
	if b.err == nil {
		panic("secret of the panic")
	}
	return nil, b.err
}

func broken(t *testing.T, err error) *api {
	t.Helper()
	a := serve(t, nil, func(d *Deps) { d.Topics = brokenTopics{err: err} })
	a.undescribed = true // what is injected may be what no such route can give
	return a
}

func TestErrorsBecomeProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err        error
		status     int
		code       string
		retryAfter string
	}{
		"panic":       {nil, 500, "internal", ""},
		"unknown":     {errors.New("secret of the database"), 500, "internal", ""},
		"uncertain":   {fault.New(fault.Uncertain, "lost", "secret of the provider"), 500, "internal", ""},
		"unavailable": {fault.New(fault.Unavailable, "database_unavailable", ""), 503, "database_unavailable", "5"},
		"retry":       {fault.New(fault.Retry, "again", ""), 503, "again", "5"},
		"timeout":     {fault.New(fault.Timeout, "database_timeout", ""), 504, "database_timeout", ""},
		"deadline":    {fmt.Errorf("wait for another: %w", context.DeadlineExceeded), 504, "database_timeout", ""},
		"wait":        {fault.WaitFor(1500*time.Millisecond, "slow_down", nil), 429, "slow_down", "2"},
		"forbidden":   {fault.New(fault.Forbidden, "forbidden", "No."), 403, "forbidden", ""},
		"conflict":    {fault.New(fault.Conflict, "wrong_state", "No."), 409, "wrong_state", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := broken(t, c.err)
			r := a.do("GET", "/api/v1/topics", nil)
			r.problem(c.status, c.code)
			if got := r.Header.Get("Retry-After"); got != c.retryAfter {
				t.Errorf("Retry-After %q, want %q", got, c.retryAfter)
			}
			if strings.Contains(r.Body, "secret") {
				t.Errorf("the answer shows what is for the log: %s", r.Body)
			}
			logged := a.log.FilterLevelExact(2).Len() // errors
			if (c.status >= 500) != (logged > 0) {
				t.Errorf("%d lines of error", logged)
			}
		})
	}
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	a.do("GET", "/nothing", nil).problem(http.StatusNotFound, "not_found")
	a.do("GET", "/api/v1/topics/", nil).problem(http.StatusNotFound, "not_found")
	r := a.do("PATCH", "/api/v1/topics", nil)
	r.problem(http.StatusMethodNotAllowed, "method_not_allowed")
	if !strings.Contains(r.Header.Get("Allow"), "POST") {
		t.Errorf("Allow %q", r.Header.Get("Allow"))
	}
}

// Every route but the open ones wants the key, whatever it is shown instead.
func TestEveryRouteWantsTheKey(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	engine, ok := New(Deps{AdminKey: testKey}).(*gin.Engine)
	if !ok {
		t.Fatal("not a Gin engine")
	}
	checked := 0
	for _, route := range engine.Routes() {
		if !strings.HasPrefix(route.Path, "/api/v1/") {
			if route.Path == "/api/openapi.json" || route.Path == "/api/docs" {
				continue
			}
			if route.Path != "/healthz" && route.Path != "/readyz" && !strings.HasPrefix(route.Path, "/problems") {
				t.Errorf("%s is open", route.Path)
			}
			continue
		}
		path := strings.NewReplacer(":id", ident.New().String(), ":version", "1").Replace(route.Path)
		for name, headers := range map[string][]string{
			"none": {"Authorization: "}, "empty": {"Authorization: Bearer "}, "wrong": {"Authorization: Bearer wrong"},
			"longer": {"Authorization: Bearer " + testKey + "x"}, "basic": {"Authorization: Basic " + testKey},
			"bare": {"Authorization: " + testKey}, "other header": {"Authorization: ", "X-API-Key: wrong"},
			"a scheme hides the key": {"Authorization: Basic x", "X-API-Key: " + testKey},
		} {
			r := a.do(route.Method, path, nil, headers...)
			r.problem(http.StatusUnauthorized, "unauthenticated")
			if !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s %s, %s: no WWW-Authenticate", route.Method, route.Path, name)
			}
		}
		checked++
	}
	if checked < 30 {
		t.Errorf("only %d routes", checked)
	}
}

func TestBothWaysToShowTheKey(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.do("GET", "/api/v1/topics", nil).want(http.StatusOK)
	a.do("GET", "/api/v1/topics", nil, "Authorization: bearer "+testKey).want(http.StatusOK)
	a.do("GET", "/api/v1/topics", nil, "Authorization: ", "X-API-Key: "+testKey).want(http.StatusOK)
}

func TestNoKeyConfiguredMeansNobody(t *testing.T) {
	t.Parallel()
	a := serve(t, nil, func(d *Deps) { d.AdminKey = "" })
	a.do("GET", "/api/v1/topics", nil, "Authorization: Bearer ").problem(http.StatusUnauthorized, "unauthenticated")
	a.do("GET", "/api/v1/topics", nil, "Authorization: ").problem(http.StatusUnauthorized, "unauthenticated")
}

func TestCorrelation(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	for given, kept := range map[string]bool{
		"abc-1.2_Z": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"with space": false, "ümlaut": false, `quo"te`: false, "": false,
	} {
		r := a.do("GET", "/healthz", nil, "X-Correlation-ID: "+given)
		got := r.Header.Get("X-Correlation-ID")
		if kept && got != given {
			t.Errorf("%q became %q", given, got)
		}
		if _, err := ident.Parse(got); !kept && err != nil {
			t.Errorf("%q became %q, no UUID", given, got)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	up, down := pinger{}, pinger{err: errors.New("down")}
	silent := pinger{hangs: make(chan struct{})}
	t.Cleanup(func() { close(silent.hangs) })
	for name, c := range map[string]struct {
		database, redis Pinger
		status          int
		word            string
	}{
		"all there":      {up, up, 200, "ok"},
		"no Redis":       {up, down, 200, "degraded"},
		"Redis hangs":    {up, silent, 200, "degraded"},
		"no database":    {down, up, 503, "unavailable"},
		"both hang":      {silent, silent, 503, "unavailable"},
		"nothing":        {down, down, 503, "unavailable"},
		"not configured": {nil, nil, 200, "ok"},
	} {
		a := serve(t, nil, func(d *Deps) { d.Database, d.Redis = c.database, c.redis })
		if r := a.do("GET", "/readyz", nil, "Authorization: ").want(c.status); !strings.Contains(r.Body, `"`+c.word+`"`) {
			t.Errorf("%s: %s", name, r.Body)
		}
		a.do("HEAD", "/readyz", nil, "Authorization: ").want(c.status)
		a.do("GET", "/healthz", nil, "Authorization: ").want(http.StatusOK)
		a.do("HEAD", "/healthz", nil, "Authorization: ").want(http.StatusOK)
	}
}

type pinger struct {
	err   error
	hangs chan struct{} // not nil: nothing is answered before it is closed, whatever the context says
}

func (p pinger) Ping(context.Context) error {
	if p.hangs != nil {
		<-p.hangs
	}
	return p.err
}

func TestPagesAreOpen(t *testing.T) {
	t.Parallel()
	a := serve(t, nil, func(d *Deps) {
		d.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("page " + r.URL.Path)) })
	})
	r := a.do("GET", "/p/archive/1", nil, "Authorization: ").want(http.StatusOK)
	if r.Body != "page /p/archive/1" || r.Header.Get("X-Correlation-ID") == "" {
		t.Errorf("%q, %v", r.Body, r.Header)
	}
}

func TestLogAndHook(t *testing.T) {
	t.Parallel()
	seen := make(chan Request, 1)
	a := newAPI(t, func(d *Deps) { d.Observe = func(r Request) { seen <- r } })
	path := "/api/v1/subscribers?email=" + url.QueryEscape("secret@x.org")
	a.do("GET", path, nil, "X-Correlation-ID: corr-7").want(http.StatusOK)
	if got := <-seen; got.Route != "/api/v1/subscribers" || got.Status != 200 || got.Method != http.MethodGet || got.Took <= 0 {
		t.Errorf("the hook got %+v", got)
	}
	a.do("INVENTED", path, nil).want(http.StatusMethodNotAllowed)
	if got := <-seen; got.Method != "OTHER" || got.Route != "" {
		t.Errorf("the hook got %+v", got)
	}
	if others := a.log.FilterField(zap.String("method", "INVENTED")).Len(); others > 0 {
		t.Error("the log shows a method that is none")
	}
	lines := a.log.FilterMessage("request").FilterField(zap.String("method", http.MethodGet)).All()
	if len(lines) != 1 || lines[0].ContextMap()["correlation_id"] != "corr-7" || lines[0].ContextMap()["route"] != "/api/v1/subscribers" {
		t.Fatalf("logged %+v", lines)
	}
	for _, line := range a.log.All() {
		for name, v := range line.ContextMap() {
			if text, ok := v.(string); ok && strings.Contains(text, "secret") {
				t.Errorf("the log shows an address in %s: %s", name, text)
			}
		}
	}
}
