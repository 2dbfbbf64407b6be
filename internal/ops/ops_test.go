package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

const key = "an admin key of the tests"

func TestMain(m *testing.M) { redistest.Main(m) }

// start serves an ops handler on a free port, with a Redis of its own.
func start(t *testing.T, change ...func(*Deps)) (server *httptest.Server, redisURL string) {
	t.Helper()
	redisURL = redistest.New(t)
	connection, err := asynq.ParseRedisURI(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "presswork_up 1\n") }),
		Redis:   connection,
		Auth:    auth.NewGate(key, nil, nil),
	}
	for _, c := range change {
		c(&d)
	}
	h, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return server, redisURL
}

// enqueue puts a task that waits into a queue.
func enqueue(t *testing.T, redisURL, queue, id string) *asynq.Inspector {
	t.Helper()
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	task := asynq.NewTask("send-email", []byte(`{"v":1,"batch":7}`))
	if _, err := asynq.NewClientFromRedisClient(client).EnqueueContext(t.Context(), task, asynq.Queue(queue), asynq.TaskID(id)); err != nil {
		t.Fatal(err)
	}
	return asynq.NewInspectorFromRedisClient(client)
}

// call makes a request whose answer is read; headers are name, value, ….
func call(t *testing.T, client *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestAccess(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	routes := []struct {
		path string
		open bool
		want int // with the key
	}{
		{"/healthz", true, 200},
		{"/readyz", true, 200},
		{"/", false, 200},
		{"/metrics", false, 200},
		{"/queues", false, 200},
		{"/queues/", false, 200},
		{"/queues/api/queues", false, 200},
		{"/queues/favicon.ico", false, 200},
		{"/debug/pprof/", false, 200},
		{"/debug/pprof/goroutine?debug=1", false, 200},
		{"/debug/pprof/cmdline", false, 200},
		{"/debug/pprof/symbol", false, 200},
		{"/debug/pprof/profile?seconds=0&x=1", false, 0}, // only that it needs the key: it takes its time
		{"/nothing", false, 404},
		{"/healthz/more", false, 404},
	}
	credentials := []struct {
		name, header string
		good         bool
	}{
		{"none", "", false},
		{"bearer", "Bearer " + key, true},
		{"bearer in another case", "bearer " + key, true},
		{"basic", basic("anybody", key), true},
		{"basic without a user", basic("", key), true},
		{"key as the user", basic(key, ""), false},
		{"wrong bearer", "Bearer " + key + "x", false},
		{"wrong password", basic("admin", "x"+key), false},
		{"empty bearer", "Bearer ", false},
		{"empty password", basic("admin", ""), false},
		{"another scheme", "Digest " + key, false},
		{"the key alone", key, false},
		{"not base64", "Basic " + key, false},
	}
	for _, route := range routes {
		for _, c := range credentials {
			want := http.StatusUnauthorized
			if route.open || c.good {
				want = route.want
			}
			if want == 0 {
				continue
			}
			var headers []string
			if c.header != "" {
				headers = []string{"Authorization", c.header}
			}
			answer, _ := call(t, server.Client(), http.MethodGet, server.URL+route.path, headers...)
			if answer.StatusCode != want {
				t.Errorf("%s with %s: %d, want %d", route.path, c.name, answer.StatusCode, want)
			}
			asked := answer.Header.Get("WWW-Authenticate")
			if (asked == `Basic realm="Presswork operations"`) != (want == http.StatusUnauthorized) {
				t.Errorf("%s with %s: WWW-Authenticate is %q", route.path, c.name, asked)
			}
			for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"} {
				if answer.Header.Get(name) == "" {
					t.Errorf("%s with %s has no %s", route.path, c.name, name)
				}
			}
		}
	}
}

func TestNoKeyLetsNobodyIn(t *testing.T) {
	t.Parallel()
	server, _ := start(t, func(d *Deps) { d.Auth = auth.NewGate("", nil, nil) })
	for _, header := range []string{"", "Bearer ", "Bearer x", basic("", ""), basic("admin", "")} {
		if answer, _ := call(t, server.Client(), http.MethodGet, server.URL+"/metrics", "Authorization", header); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, answer.StatusCode)
		}
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	server, redisURL := start(t)
	inspector := enqueue(t, redisURL, "email", "b:7:1")
	host := strings.TrimPrefix(server.URL, "http://")
	paused := func() bool {
		t.Helper()
		info, err := inspector.GetQueueInfo("email")
		if err != nil {
			t.Fatal(err)
		}
		return info.Paused
	}
	pause, remove := server.URL+"/queues/api/queues/email:pause", server.URL+"/queues/api/queues/email/pending_tasks/b:7:1"
	for _, c := range []struct {
		name    string
		headers []string
	}{
		{"a site of today's browsers", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}},
		{"a neighbour", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://other." + host}},
		{"a site of an old browser", []string{"Origin", "https://evil.example"}},
		{"a sandboxed page", []string{"Origin", "null"}},
		{"another port", []string{"Origin", "http://127.0.0.1:1"}},
	} {
		for method, url := range map[string]string{http.MethodPost: pause, http.MethodDelete: remove, http.MethodPut: server.URL + "/"} {
			headers := append([]string{"Authorization", basic("me", key)}, c.headers...)
			if answer, _ := call(t, server.Client(), method, url, headers...); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s: %d", method, c.name, answer.StatusCode)
			}
		}
	}
	if paused() {
		t.Fatal("another site paused a queue")
	}
	if _, err := inspector.GetTaskInfo("email", "b:7:1"); err != nil {
		t.Fatalf("another site deleted a task: %v", err)
	}

	steps := []struct {
		name, method, url string
		headers           []string
		paused            bool
	}{
		{"our own page", http.MethodPost, pause, []string{"Sec-Fetch-Site", "same-origin", "Origin", server.URL}, true},
		{"our own page in an old browser", http.MethodPost, strings.Replace(pause, ":pause", ":resume", 1), []string{"Origin", server.URL}, false},
		{"a program", http.MethodPost, pause, nil, true},
		{"our own page deletes", http.MethodDelete, remove, []string{"Sec-Fetch-Site", "same-origin"}, true},
	}
	for _, step := range steps {
		headers := append([]string{"Authorization", basic("me", key)}, step.headers...)
		if answer, text := call(t, server.Client(), step.method, step.url, headers...); answer.StatusCode/100 != 2 {
			t.Errorf("%s: %d %s", step.name, answer.StatusCode, text)
		}
		if paused() != step.paused {
			t.Errorf("%s: paused is %v", step.name, paused())
		}
	}
	if _, err := inspector.GetTaskInfo("email", "b:7:1"); !errors.Is(err, asynq.ErrTaskNotFound) {
		t.Errorf("our own page did not delete the task: %v", err)
	}
}

// TestQueuesInABrowser walks as a browser does: it is asked for a password, loads the page, every script and
// icon that the page names, and then what the scripts ask for.
func TestQueuesInABrowser(t *testing.T) {
	t.Parallel()
	server, redisURL := start(t)
	enqueue(t, redisURL, "newsletter", "b:8:1")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: server.Client().Transport, Jar: jar}
	if answer, _ := call(t, client, http.MethodGet, server.URL+"/queues"); answer.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without a password: %d", answer.StatusCode)
	}
	auth := basic("operator", key)
	answer, page := call(t, client, http.MethodGet, server.URL+"/queues", "Authorization", auth)
	policy := answer.Header.Get("Content-Security-Policy")
	if n := strings.Count(policy, "'sha256-"); n != strings.Count(page, "<script>") || n == 0 {
		t.Errorf("the policy lets %d of the page's own scripts through: %s", n, policy)
	}
	if strings.Contains(strings.SplitAfter(policy, "style-src")[0], "unsafe-inline") {
		t.Errorf("the policy lets any script through: %s", policy)
	}
	assets := regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) < 6 {
		t.Fatalf("the page names %d files: %s", len(assets), page)
	}
	for _, asset := range assets {
		answer, text := call(t, client, http.MethodGet, server.URL+asset[1], "Authorization", auth)
		if answer.StatusCode != http.StatusOK || text == "" {
			t.Errorf("%s: %d, %d bytes", asset[1], answer.StatusCode, len(text))
		}
		if kind := answer.Header.Get("Content-Type"); strings.HasSuffix(asset[1], ".js") && !strings.HasPrefix(kind, "application/javascript") {
			t.Errorf("%s is %s", asset[1], kind)
		}
	}
	for path, want := range map[string]string{
		"/queues/api/queues":                          `"queue":"newsletter"`,
		"/queues/api/queues/newsletter/pending_tasks": `b:8:1`,
		"/queues/api/servers":                         `"servers"`,
		"/queues/api/redis_info":                      `redis_version`,
		"/queues/queues/newsletter":                   `<div id="root">`, // the page again, after a reload
	} {
		if answer, text := call(t, client, http.MethodGet, server.URL+path, "Authorization", auth); answer.StatusCode != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %.200s", path, answer.StatusCode, text)
		}
	}
}

func TestIndexLinksWork(t *testing.T) {
	t.Parallel()
	server, _ := start(t)
	_, page := call(t, server.Client(), http.MethodGet, server.URL+"/", "Authorization", "Bearer "+key)
	links := regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) != 5 {
		t.Fatalf("%d links", len(links))
	}
	for _, link := range links {
		if answer, _ := call(t, server.Client(), http.MethodGet, server.URL+link[1], "Authorization", "Bearer "+key); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", link[1], answer.StatusCode)
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		body   any
		err    error
		status int
		want   string
	}{
		{"ready", nil, nil, 200, `{"status":"ok"}`},
		{"degraded", map[string]string{"status": "degraded"}, nil, 200, `{"status":"degraded"}`},
		{"away", nil, errors.New("the password is hunter2"), 503, `{"status":"unavailable"}`},
		{"away, told", map[string]string{"status": "no database"}, errors.New("x"), 503, `{"status":"no database"}`},
		{"unwritable", func() {}, nil, 500, "The answer could not be written."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, _ := start(t, func(d *Deps) { d.Ready = func(context.Context, bool) (any, error) { return c.body, c.err } })
			answer, text := call(t, server.Client(), http.MethodGet, server.URL+"/readyz")
			if answer.StatusCode != c.status || strings.TrimSpace(text) != c.want {
				t.Errorf("%d %s", answer.StatusCode, text)
			}
		})
	}
}

// TestReadyTellsWhoAsks: everybody gets an answer, and only who shows the key is known.
func TestReadyTellsWhoAsks(t *testing.T) {
	t.Parallel()
	server, _ := start(t, func(d *Deps) {
		d.Ready = func(_ context.Context, known bool) (any, error) { return map[string]bool{"known": known}, nil }
	})
	for header, want := range map[string]string{
		"": `{"known":false}`, "Bearer " + key: `{"known":true}`, basic("me", key): `{"known":true}`,
		"Bearer wrong": `{"known":false}`, basic("me", ""): `{"known":false}`,
	} {
		if answer, text := call(t, server.Client(), http.MethodGet, server.URL+"/readyz", "Authorization", header); answer.StatusCode != http.StatusOK || strings.TrimSpace(text) != want {
			t.Errorf("%q: %d %s", header, answer.StatusCode, text)
		}
	}
}

// TestAsynqmonOnACluster shows the queues, and which server has them.
func TestAsynqmonOnACluster(t *testing.T) {
	t.Parallel()
	options, err := redis.ParseClusterURL(strings.Replace(redistest.Cluster(t), "redis-cluster:", "redis:", 1))
	if err != nil {
		t.Fatal(err)
	}
	connection := asynq.RedisClusterClientOpt{Addrs: options.Addrs, Password: options.Password}
	client := asynq.NewClient(connection)
	defer client.Close()
	if _, err := client.Enqueue(asynq.NewTask("send-email", nil), asynq.Queue("email")); err != nil {
		t.Fatal(err)
	}
	server, _ := start(t, func(d *Deps) { d.Redis = connection })
	for path, want := range map[string]string{
		"/queues/api/queues": `"pending":1`, "/queues/api/queues/email/pending_tasks": `"send-email"`,
		"/queues/api/redis_info": `"cluster":true`, "/queues/api/servers": `"servers":[]`,
	} {
		if answer, text := call(t, server.Client(), http.MethodGet, server.URL+path, "Authorization", "Bearer "+key); answer.StatusCode != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
}

func TestMetricsMayBeAbsent(t *testing.T) {
	t.Parallel()
	server, _ := start(t, func(d *Deps) { d.Metrics = nil })
	if answer, _ := call(t, server.Client(), http.MethodGet, server.URL+"/metrics", "Authorization", "Bearer "+key); answer.StatusCode != http.StatusNotFound {
		t.Errorf("%d", answer.StatusCode)
	}
}

// keys is a gate with one key of each role, by the role's name; "away" cannot be looked up.
type keys struct{}

func (keys) Authenticate(_ context.Context, credential string) (auth.Principal, error) {
	if credential == "away" {
		return auth.Principal{}, errors.New("postgres is away")
	}
	role, known := auth.ParseRole(credential)
	if !known {
		return auth.Principal{}, auth.Refuse(auth.Unknown, "")
	}
	return auth.Principal{ID: "key:" + credential, Roles: []auth.Role{role}}, nil
}

// TestRoles: the listener is for operators; a database that is away is no wrong password.
func TestRoles(t *testing.T) {
	t.Parallel()
	var refused []auth.Reason
	server, _ := start(t, func(d *Deps) {
		d.Auth = keys{}
		d.Refused = func(_ context.Context, r auth.Refusal, network string) {
			if network != "127.0.0.1" {
				t.Errorf("from %s", network)
			}
			refused = append(refused, r.Reason)
		}
	})
	for credential, want := range map[string]int{"admin": 200, "ops": 200, "publisher": 403, "analyst": 403, "nobody": 401, "away": 503} {
		for _, header := range []string{"Bearer " + credential, basic("me", credential)} {
			answer, _ := call(t, server.Client(), http.MethodGet, server.URL+"/metrics", "Authorization", header)
			if answer.StatusCode != want || (answer.Header.Get("WWW-Authenticate") != "") != (want == 401) || (answer.Header.Get("Retry-After") != "") != (want == 503) {
				t.Errorf("%s: %d %v", header, answer.StatusCode, answer.Header)
			}
			if answer, _ := call(t, server.Client(), http.MethodGet, server.URL+"/readyz", "Authorization", header); answer.StatusCode != http.StatusOK {
				t.Errorf("a probe with %s: %d", header, answer.StatusCode)
			}
		}
	}
	if len(refused) != 2 || refused[0] != auth.Unknown {
		t.Errorf("told of %v", refused)
	}
}

// TestTheLogHoldsNoAddress: whose browser or program was refused is personal, and stands in the audit log only, as a keyed hash.
func TestTheLogHoldsNoAddress(t *testing.T) {
	t.Parallel()
	core, lines := observer.New(zap.DebugLevel)
	server, _ := start(t, func(d *Deps) { d.Log = zap.New(core) })
	call(t, server.Client(), http.MethodGet, server.URL+"/metrics", "Authorization", "Bearer nobody's")
	call(t, server.Client(), http.MethodPost, server.URL+"/drain", "Sec-Fetch-Site", "cross-site")
	if lines.Len() != 2 {
		t.Errorf("%d lines", lines.Len())
	}
	for _, line := range lines.All() {
		if text := fmt.Sprint(line.Message, line.ContextMap()); strings.Contains(text, "127.0.0.1") {
			t.Error(text)
		}
	}
}
