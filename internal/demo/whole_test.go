package demo_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/demo"
	"github.com/presswork/presswork/internal/progress"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const key = "the key of an administrator in a test"

// patience is how long a run may take on a machine that is busy with other things.
const patience = 3 * time.Minute

// presswork runs every role in this process and returns where its API is.
func presswork(t *testing.T, database, redis string) (url string, stop func()) {
	t.Helper()
	c, err := config.Load([]string{
		"ENVIRONMENT=development", "DATABASE_URL=" + database, "REDIS_URL=" + redis,
		"SECRET_KEY=a-secret-of-the-tests-and-nobody-else", "PRESSWORK_API_KEY=" + key,
		"PRESSWORK_LISTEN=127.0.0.1:0", "PRESSWORK_OPS_LISTEN=127.0.0.1:0", "PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=true",
		"PRESSWORK_DATABASE_POOL=10", "PRESSWORK_CONNECTIONS=16",
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), app.API, app.Worker, app.Scheduler)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a.APIURL, func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// run is one `make demo`: everything is started, and stopped again.
func run(t *testing.T, database, redis string, then func(url string)) demo.Result {
	t.Helper()
	stand, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stand.Close() }()
	url, stop := presswork(t, database, redis)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out strings.Builder
	r, err := demo.Run(ctx, demo.Options{API: url, Key: key, Sandbox: stand, Out: &out, Progress: progress.New(&out)})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	for _, channel := range []string{sandbox.ChannelEmail, sandbox.ChannelNewsletter} {
		for _, m := range stand.Messages(channel)[:10] {
			if letter := m.Read(); letter.Subject == "" || len(letter.HTML) < 1000 || len(letter.Faults) > 0 {
				t.Errorf("%s is not a letter: %+v", m.ID, letter)
			}
		}
	}
	readable(t, stand, url)
	if then != nil {
		then(url)
	}
	return r
}

// TestWhole runs the demo twice on the same data, with another sandbox and a reader who has left in between.
func TestWhole(t *testing.T) {
	t.Parallel()
	database, redis := dbtest.New(t), redistest.New(t)
	r := run(t, database, redis, func(url string) { leave(t, url) })
	if r.Subscribers != 1000 || r.Accepted != 2006 || r.Sent.Email != 1000 || r.Sent.Webhook != 2 {
		t.Errorf("first run: %+v", r)
	}
	if r = run(t, database, redis, nil); r.Subscribers != 999 || r.Accepted != 2004 || r.Received.Newsletter != 999 {
		t.Errorf("second run: %+v", r)
	}
}

// readable checks that each reader got articles in their own language or in English, and no others.
func readable(t *testing.T, stand *sandbox.Sandbox, url string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(demo.Subscribers())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	reads := make(map[string]string)
	for _, row := range rows[1:] {
		reads[row[0]], _, _ = strings.Cut(row[2], "-")
	}
	var page struct {
		Items []struct {
			Title    string `json:"title"`
			Language string `json:"language"`
		} `json:"items"`
	}
	call(t, http.MethodGet, url+"/api/v1/contents?limit=100", "", &page)
	for _, channel := range []string{sandbox.ChannelEmail, sandbox.ChannelNewsletter} {
		own := 0
		for _, m := range stand.Messages(channel) {
			text, language, articles := m.Read().Text, reads[m.To], 0
			for _, a := range page.Items {
				switch {
				case !strings.Contains(text, a.Title):
				case a.Language == language && language != "en":
					own, articles = own+1, articles+1
				case a.Language == "en":
					articles++
				default:
					t.Fatalf("%s: %s, who reads %q, got %q in %q", channel, m.To, language, a.Title, a.Language)
				}
			}
			if articles == 0 {
				t.Fatalf("%s: %s got no article:\n%s", channel, m.To, text)
			}
		}
		if own < 300 {
			t.Errorf("%s: %d articles in languages other than English", channel, own)
		}
	}
}

// leave takes one reader off the list.
func leave(t *testing.T, url string) {
	t.Helper()
	var page struct {
		Items []struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		} `json:"items"`
	}
	call(t, http.MethodGet, url+"/api/v1/subscribers?limit=1", "", &page)
	body := `{"email": "` + page.Items[0].Email + `", "status": "unsubscribed"}`
	call(t, http.MethodPut, url+"/api/v1/subscribers/"+page.Items[0].ID, body, &struct{}{})
}

func call(t *testing.T, method, url, body string, out any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPut {
		r.Header.Set("If-Match", "*")
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d, %v", method, url, answer.StatusCode, err)
	}
}
