package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/pages"
	"github.com/presswork/presswork/internal/subscriber"
)

// counters is a Limiter of one process whose clock stands still.
type counters struct {
	mu     sync.Mutex
	full   map[allowance.Bucket]time.Duration
	spared map[allowance.Bucket]bool
	took   []string // "policy key cost", in order
}

func newCounters() *counters {
	return &counters{full: map[allowance.Bucket]time.Duration{}, spared: map[allowance.Bucket]bool{}}
}

func (l *counters) Take(_ context.Context, cost int, buckets ...allowance.Bucket) allowance.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	verdict := allowance.Verdict{Allowed: true}
	for _, b := range buckets {
		verdict = verdict.Stricter(b.Judge(l.full[b], 0, b.Cost(cost), 0))
	}
	for _, b := range buckets {
		if verdict.Allowed {
			l.full[b] = b.After(l.full[b], 0, b.Cost(cost))
			l.took = append(l.took, b.Name+" "+b.Key+" "+strconv.Itoa(cost))
		}
	}
	return verdict
}

func (l *counters) Empty(b allowance.Bucket) (allowance.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := b.Judge(l.full[b], 0, 1, 0)
	return v, !v.Allowed && !l.spared[b]
}

func (l *counters) Spare(b allowance.Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spared[b] = true
}

// taken is what was taken since the last time.
func (l *counters) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := strings.Join(l.took, ", ")
	l.took = nil
	return list
}

// names are credentials that are what they stand for: the principal's id, and its number after a slash.
type names struct{ asked []string }

func (n *names) Authenticate(_ context.Context, credential string) (auth.Principal, error) {
	n.asked = append(n.asked, credential)
	name, rate, _ := strings.Cut(credential, "/")
	if credential == testKey {
		return auth.AdminPrincipal(), nil
	}
	if name == "wrong" {
		return auth.Principal{}, auth.Refuse(auth.Unknown, "")
	}
	if name == "away" {
		return auth.Principal{}, fault.New(fault.Unavailable, "database_unavailable", "")
	}
	p := auth.Principal{ID: name, Roles: []auth.Role{auth.Admin}}
	if rate != "" {
		p.RatePerHour, _ = strconv.Atoi(rate)
	}
	return p, nil
}

// noSubscribers is an empty list.
type noSubscribers struct{ SubscriberStore }

func (noSubscribers) RecordAccess(context.Context, string, ident.UID, int) error { return nil }

func (noSubscribers) ListSubscribers(context.Context, subscriber.Filter, subscriber.Position, int) ([]subscriber.Subscriber, error) {
	return nil, nil
}

// limited is an API with limits, whose clients say with X-Forwarded-For where they are.
func limited(t *testing.T, limits Limits) (*api, *counters, *names) {
	t.Helper()
	l, n := newCounters(), &names{}
	limits.Limiter, limits.Proxies = l, prefixes("127.0.0.0/8", "::1/128")
	a := serve(t, nil, func(d *Deps) {
		d.Limits, d.Auth = limits, n
		d.Subscribers = noSubscribers{}
		d.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		d.Tokens, d.SESHook = forgers{}, hookFunc(func([]byte) error { return nil })
	})
	return a, l, n
}

func (a *api) as(who, from, method, path string) answer {
	a.t.Helper()
	return a.do(method, path, nil, "Authorization: Bearer "+who, "X-Forwarded-For: "+from)
}

const anyList = "/api/v1/subscribers"

func TestPrincipalsAndAddressesAreHeldToTheirNumbers(t *testing.T) {
	t.Parallel()
	a, l, _ := limited(t, Limits{Address: 3, Principal: 5})
	got := a.as("ada", "192.0.2.1", "GET", anyList).want(200)
	if policy := got.Header.Get("RateLimit-Policy"); policy != `"address";q=3;w=60, "principal";q=5;w=3600` {
		t.Errorf("policy %s", policy)
	}
	if state := got.Header.Get("RateLimit"); state != `"address";r=2;t=20` {
		t.Errorf("state %s", state)
	}
	if taken := l.taken(); taken != "address 192.0.2.1 1, principal ada 1" {
		t.Errorf("took %s", taken)
	}
	a.as("ada", "192.0.2.1", "GET", anyList).want(200)
	a.as("ada", "192.0.2.1", "GET", anyList).want(200)
	got = a.as("ada", "192.0.2.1", "GET", anyList)
	p := got.problem(http.StatusTooManyRequests, "rate_limited")
	if !strings.Contains(p.Detail, `"address"`) || got.Header.Get("Retry-After") != "20" || got.Header.Get("RateLimit") != `"address";r=0;t=20` {
		t.Errorf("refused with %q, %v", p.Detail, got.Header)
	}
	// From elsewhere the number of the principal is what is left.
	a.as("ada", "192.0.2.2", "GET", anyList).want(200)
	got = a.as("ada", "192.0.2.2", "GET", anyList).want(200)
	if state := got.Header.Get("RateLimit"); state != `"principal";r=0;t=3600` {
		t.Errorf("state %s", state)
	}
	got = a.as("ada", "192.0.2.3", "GET", anyList)
	got.problem(http.StatusTooManyRequests, "rate_limited")
	if got.Header.Get("Retry-After") != "720" {
		t.Errorf("Retry-After %s", got.Header.Get("Retry-After"))
	}
	a.as("bob", "192.0.2.3", "GET", anyList).want(200)
}

func TestWhoHasANumberOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, l, _ := limited(t, Limits{Address: 2, Principal: 1})
	for i := range 4 {
		got := a.as("backend/4", "192.0.2.1", "GET", anyList).want(200)
		if state := got.Header.Get("RateLimit"); !strings.HasPrefix(state, `"principal";r=`+strconv.Itoa(3-i)) {
			t.Errorf("request %d: %s", i, state)
		}
	}
	a.as("backend/4", "192.0.2.1", "GET", anyList).problem(http.StatusTooManyRequests, "rate_limited")
	l.taken()
	for range 10 {
		if got := a.as(auth.AdminID, "192.0.2.1", "GET", anyList).want(200); got.Header.Get("RateLimit") != "" {
			t.Errorf("the admin key is told %v", got.Header)
		}
	}
	if taken := l.taken(); taken != "" {
		t.Errorf("the admin key took %s", taken)
	}
	// Somebody else at the same address uses that up, by guessing: the backend and the admin go on.
	a.as("wrong", "192.0.2.1", "GET", anyList).problem(http.StatusUnauthorized, "unauthenticated")
	a.as("wrong", "192.0.2.1", "GET", anyList).problem(http.StatusUnauthorized, "unauthenticated")
	got := a.as("wrong", "192.0.2.1", "GET", anyList)
	got.problem(http.StatusTooManyRequests, "rate_limited")
	if got.Header.Get("WWW-Authenticate") != "" {
		t.Error("a 429 asks for a credential")
	}
	a.as(auth.AdminID, "192.0.2.1", "GET", anyList).want(200)
	a.as("bob", "192.0.2.1", "GET", anyList).problem(http.StatusTooManyRequests, "rate_limited")
}

// TestGuessingIsLimited, and what is known to be refused is not even looked up.
func TestGuessingIsLimited(t *testing.T) {
	t.Parallel()
	a, l, n := limited(t, Limits{Address: 2, Principal: 1000})
	for range 2 {
		got := a.as("wrong", "192.0.2.1", "GET", anyList)
		got.problem(http.StatusUnauthorized, "unauthenticated")
		if got.Header.Get("RateLimit-Policy") != `"address";q=2;w=60` {
			t.Errorf("a guess is told %v", got.Header)
		}
	}
	a.as("away", "192.0.2.2", "GET", anyList).problem(http.StatusServiceUnavailable, "database_unavailable")
	if taken := l.taken(); taken != "address 192.0.2.1 1, address 192.0.2.1 1" {
		t.Errorf("took %s", taken)
	}
	looked := len(n.asked)
	for range 5 {
		a.as("wrong", "192.0.2.1", "GET", anyList).problem(http.StatusTooManyRequests, "rate_limited")
		a.as("ada", "192.0.2.1", "POST", anyList).problem(http.StatusTooManyRequests, "rate_limited")
	}
	if len(n.asked) != looked {
		t.Errorf("looked up %q", n.asked[looked:])
	}
	// The admin key is heard all the same, without a look-up.
	a.as(testKey, "192.0.2.1", "GET", anyList).want(200)
	// A client cannot be somebody else by saying so.
	got := a.do("GET", anyList, nil, "Authorization: Bearer wrong", "X-Forwarded-For: 198.51.100.9, 192.0.2.1")
	got.problem(http.StatusTooManyRequests, "rate_limited")
	a.as("wrong", "2001:db8:1:2::1", "GET", anyList).problem(http.StatusUnauthorized, "unauthenticated")
	a.as("wrong", "2001:db8:1:2::2", "GET", anyList).problem(http.StatusUnauthorized, "unauthenticated")
	a.as("wrong", "2001:db8:1:2::3", "GET", anyList).problem(http.StatusTooManyRequests, "rate_limited")
}

// visit is a request that anybody may make, and how many of them.
type visit struct {
	method, path, class string
	units               int
}

func (v visit) body() any {
	if v.method == http.MethodPost {
		return "x"
	}
	return nil
}

func TestClassesHaveBucketsOfTheirOwn(t *testing.T) {
	t.Parallel()
	a, l, _ := limited(t, Limits{Address: 1, SignIn: 1, Tracking: 2, Pages: 3, OneClick: 4, Hooks: 5})
	for _, c := range []visit{
		{"GET", "/t/o/x.gif", classTracking, 2}, {"GET", "/p/archive", classPages, 3}, {"POST", "/p/u/x", classOneClick, 4},
		{"POST", "/hooks/ses", classHooks, 5}, {"GET", "/nowhere", classAddress, 1}, {"GET", "/healthz", "", 20}, {"GET", "/readyz", "", 20},
	} {
		from := "192.0.2.1"
		for range c.units {
			if got := a.do(c.method, c.path, c.body(), "Authorization: ", "X-Forwarded-For: "+from, "Content-Type: text/plain"); got.Status == http.StatusTooManyRequests {
				t.Errorf("%s: refused too early", c.path)
			} else if shown := got.Header.Get("RateLimit") != ""; shown != (c.class == classAddress) {
				t.Errorf("%s: limits are shown: %v", c.path, shown)
			}
		}
		if taken := l.taken(); c.class != "" && !strings.HasPrefix(taken, c.class+" "+from+" 1") || c.class == "" && taken != "" {
			t.Errorf("%s took %q", c.path, taken)
		}
		if c.class == "" {
			continue
		}
		got := a.as("", from, c.method, c.path)
		got.problem(http.StatusTooManyRequests, "rate_limited")
		if !strings.HasPrefix(got.Header.Get("RateLimit"), `"`+c.class+`";r=0;t=`) || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", c.path, got.Header)
		}
	}
	if p, ok := (Limits{SignIn: 5, Limiter: l}).policy(classSignIn); !ok || p.Units != 5 || p.Window != time.Minute {
		t.Errorf("%+v", p)
	}
}

func TestNoLimits(t *testing.T) {
	t.Parallel()
	a, l, _ := limited(t, Limits{})
	for range 20 {
		a.as("ada", "192.0.2.1", "GET", anyList).want(200)
		a.as("wrong", "192.0.2.1", "GET", anyList).want(401)
		a.as("", "192.0.2.1", "GET", "/p/archive").want(204)
	}
	if taken := l.taken(); taken != "" {
		t.Errorf("took %s", taken)
	}
	// Whoever has a number is held to it all the same.
	a.as("backend/1", "192.0.2.1", "GET", anyList).want(200)
	a.as("backend/1", "192.0.2.1", "GET", anyList).want(429)
}

// everyRoute is all that there can be.
func everyRoute(t *testing.T) gin.RoutesInfo {
	t.Helper()
	engine, ok := New(Deps{Tokens: forgers{}, SESHook: hookFunc(nil), Pages: http.NotFoundHandler()}).(*gin.Engine)
	if !ok {
		t.Fatal("no engine")
	}
	return engine.Routes()
}

// TestCosts: every route that costs more is there, and costs what it should.
func TestCosts(t *testing.T) {
	t.Parallel()
	costs := map[string]int{}
	for _, r := range everyRoute(t) {
		if n := costOf(r.Method, r.Path); n != 1 {
			costs[r.Method+" "+r.Path] = n
		}
	}
	for route, want := range map[string]int{
		"POST /api/v1/subscribers/import": 20, "GET /api/v1/subscribers/export": 20, "GET /api/v1/subscribers/:id/data": 20, "POST /api/v1/subscribers/data": 20, "POST /api/v1/subscribers/erase": 5, "POST /api/v1/subscribers/:id/erase": 5,
		"POST /api/v1/suppressions/import": 20, "GET /api/v1/suppressions/export": 20,
		"POST /api/v1/segments/preview": 5, "POST /api/v1/segments/explain": 5, "POST /api/v1/segments/:id/preview": 5, "POST /api/v1/segments/:id/explain": 5,
		"POST /api/v1/segments/:id/snapshots": 5, "GET /api/v1/segment-snapshots/:id/changes": 5,
		"POST /api/v1/assets": 5, "POST /api/v1/dead-letters/replays": 5, "DELETE /api/v1/dead-letters": 5, "POST /api/v1/uncertain/decide": 5,
		"POST /api/v1/webhook-endpoints": 5, "PUT /api/v1/webhook-endpoints/:id": 5, "POST /api/v1/webhook-endpoints/:id/enable": 5,
		"POST /api/v1/webhook-endpoints/:id/verify": 5, "POST /api/v1/webhook-endpoints/:id/recover": 5,
		"POST /api/v1/channels": 5, "PUT /api/v1/channels/:id": 5, "POST /api/v1/channels/:id/enable": 5, "POST /api/v1/channels/:id/verify": 5, "POST /api/v1/senders/:id/verify": 5,
		"GET /api/v1/publications/:id/analytics": 2, "GET /api/v1/publications/:id/deferred": 2, "GET /api/v1/uncertain/counts": 2, "GET /api/v1/dead-letters/groups": 2,
	} {
		if costs[route] != want {
			t.Errorf("%s costs %d, want %d", route, costs[route], want)
		}
		delete(costs, route)
	}
	if len(costs) > 0 {
		t.Errorf("these cost more as well: %v", costs)
	}
	a, l, _ := limited(t, Limits{Principal: 100})
	a.as("ada", "192.0.2.1", "POST", anyList+"/import").want(http.StatusUnsupportedMediaType)
	if taken := l.taken(); taken != "principal ada 20" {
		t.Errorf("an import took %s", taken)
	}
	for query, want := range map[string]string{"dry_run=true": "principal ada 5", "dry_run=false": "principal ada 1", "": "principal ada 1"} {
		a.as("ada", "192.0.2.1", "POST", "/api/v1/publications?"+query)
		if taken := l.taken(); taken != want {
			t.Errorf("a publication with %q took %s, want %s", query, taken, want)
		}
	}
}

// TestReadersGetAPage: who looks at the readers' pages too often is told so on a page, in their language, with the same headers.
func TestReadersGetAPage(t *testing.T) {
	t.Parallel()
	shown, err := pages.New(pages.Deps{Organisation: "The Post", Tokens: forgers{}})
	if err != nil {
		t.Fatal(err)
	}
	a := serve(t, nil, func(d *Deps) {
		d.Limits = Limits{Limiter: newCounters(), Pages: 1, OneClick: 1}
		d.Pages, d.Tokens = shown, forgers{}
	})
	for method, status := range map[string]int{"GET": http.StatusNotFound, "POST": http.StatusNotFound} {
		a.do(method, "/p/u/token", nil).want(status)
		r := a.do(method, "/p/u/token", nil, "Accept-Language: de-CH, en").want(http.StatusTooManyRequests)
		if h := r.Header; h.Get("Retry-After") != "60" || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Content-Language") != "de" ||
			h.Get("RateLimit") == "" || !strings.Contains(r.Body, "Einen Moment, bitte") || !strings.Contains(r.Body, "The Post") {
			t.Errorf("%s: %v %s", method, h, r.Body)
		}
	}
	a.do("GET", "/problems", nil).problem(http.StatusTooManyRequests, "rate_limited")
}
