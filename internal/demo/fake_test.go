package demo

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/png" // the logo
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/sandbox"
)

const fakeKey = "the key of the fake"

// fakeAPI keeps what it is given and plays a publication back, step by step.
type fakeAPI struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex
	lists map[string][]map[string]any
	calls []string
	// steps are the answers about progress, the last one for ever; a status other than 0 is an error.
	steps []step
	keys  []string // Idempotency-Keys
	sent  map[string]any
}

type step struct {
	status int
	body   api.Progress
}

func newFake(t *testing.T, steps ...step) *fakeAPI {
	t.Helper()
	f := &fakeAPI{t: t, lists: map[string][]map[string]any{}, steps: steps}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/{list}", f.list)
	mux.HandleFunc("POST /api/v1/{list}", f.create)
	mux.HandleFunc("POST /api/v1/assets", f.upload)
	mux.HandleFunc("PUT /api/v1/channels/{id}", f.update)
	mux.HandleFunc("POST /api/v1/subscribers/import", f.importCSV)
	mux.HandleFunc("GET /api/v1/publications/{id}/progress", f.progress)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, r.Method+" "+r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer "+fakeKey {
			f.answer(w, http.StatusUnauthorized, map[string]any{"detail": "A valid API key is needed."})
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeAPI) answer(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		f.t.Error(err)
	}
}

// list pages with three items, so that cursors are used.
func (f *fakeAPI) list(w http.ResponseWriter, r *http.Request) {
	all, from := f.lists[r.PathValue("list")], 0
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		from, _ = strconv.Atoi(cursor)
	}
	page := map[string]any{"items": all[from:min(from+3, len(all))]}
	if from+3 < len(all) {
		page["next"] = strconv.Itoa(from + 3)
	}
	f.answer(w, http.StatusOK, page)
}

func (f *fakeAPI) create(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Error(err)
	}
	name := r.PathValue("list")
	body["id"] = name + "-" + strconv.Itoa(len(f.lists[name]))
	f.lists[name] = append(f.lists[name], body)
	if name != "publications" {
		f.answer(w, http.StatusCreated, body)
		return
	}
	f.keys = append(f.keys, r.Header.Get("Idempotency-Key"))
	f.sent = body
	f.answer(w, http.StatusAccepted, map[string]any{"id": body["id"], "created_at": time.Unix(1000, 0)})
}

func (f *fakeAPI) update(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(f.lists["channels"], func(c map[string]any) bool { return c["id"] == r.PathValue("id") })
	body := f.lists["channels"][i]
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Error(err)
	}
	f.answer(w, http.StatusOK, body)
}

func (f *fakeAPI) upload(w http.ResponseWriter, r *http.Request) {
	file, err := io.ReadAll(r.Body)
	if _, format, imageErr := image.DecodeConfig(bytes.NewReader(file)); err != nil || imageErr != nil || "image/"+format != r.Header.Get("Content-Type") {
		f.t.Errorf("%v, %v, %v", err, imageErr, r.Header)
	}
	body := map[string]any{"id": "assets-0", "name": r.URL.Query().Get("name")}
	f.lists["assets"] = append(f.lists["assets"], body)
	f.answer(w, http.StatusCreated, body)
}

func (f *fakeAPI) importCSV(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "text/csv" || r.URL.RawQuery != "duplicates=skip" {
		f.t.Errorf("%v, %v, %v", err, r.Header, r.URL)
	}
	lines := strings.Count(string(text), "\n") - 1
	if strings.Contains(string(text), "bad line") {
		f.answer(w, http.StatusUnprocessableEntity, map[string]any{"title": "Unprocessable Entity", "detail": "Lines have errors.", "errors": []map[string]any{
			{"line": 2, "column": "email", "detail": "must have one @"}, {"pointer": "/x", "detail": "is odd"}, {}, {}, {}, {}, {},
		}})
		return
	}
	there := len(f.lists["subscribers"])
	for range lines - there {
		f.lists["subscribers"] = append(f.lists["subscribers"], map[string]any{})
	}
	f.answer(w, http.StatusOK, map[string]any{"created": lines - there, "skipped": there})
}

func (f *fakeAPI) progress(w http.ResponseWriter, _ *http.Request) {
	next := f.steps[0]
	if len(f.steps) > 1 {
		f.steps = f.steps[1:]
	}
	if next.status != 0 {
		f.answer(w, next.status, map[string]any{"title": http.StatusText(next.status)})
		return
	}
	f.answer(w, http.StatusOK, next.body)
}

// fakeSandbox says where it is, and received what it is told.
type fakeSandbox struct {
	Sandbox
	url      string
	received map[string]int64
	doubled  int64
}

func (s fakeSandbox) SESEndpoint() string           { return s.url + "/ses" }
func (s fakeSandbox) SlackAPIURL() string           { return s.url + "/slack/" }
func (s fakeSandbox) SlackHookURL(n string) string  { return s.url + "/slack/" + n }
func (s fakeSandbox) DiscordAPIURL() string         { return s.url + "/discord/" }
func (s fakeSandbox) DiscordHookURL(string) string  { return s.url + "/discord/hook" }
func (s fakeSandbox) WebhookURL(n string) string    { return s.url + "/hooks/" + n }
func (s fakeSandbox) WebhookSecret(n string) string { return "whsec_" + n }

func (s fakeSandbox) Arrivals() map[string]sandbox.Arrivals {
	a := sandbox.Arrivals{Channels: s.received, Doubled: s.doubled}
	return map[string]sandbox.Arrivals{"publications-0": a, "publications-1": a}
}
