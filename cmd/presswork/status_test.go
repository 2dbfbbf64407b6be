package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// answering is an API that answers by method and path below /api/v1; what it does not know is not found.
func answering(t *testing.T, answers map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"title":"Not Found","detail":"none here"}`
		}
		if strings.HasPrefix(answer, "event:") {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// said is what a command prints, talking to an API.
func said(t *testing.T, address, line string) (string, error) {
	t.Helper()
	var out strings.Builder
	root := rootCommand()
	root.SetArgs(append(strings.Fields(line), "--api", address, "--api-key", "k"))
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestStatusPrints(t *testing.T) {
	t.Parallel()
	const replay = `{"id":"r1","state":"completed","matched":12}`
	address := answering(t, map[string]string{
		"GET /publications":                    `{"items":[{"id":"p1","state":"sending","title":"News","created_at":"2030-01-02T03:04:05Z"}]}`,
		"GET /publications/p1/progress":        `{"state":"sending","all":{"total":9,"sent":7}}`,
		"GET /publications/p1/progress/stream": "event: final\ndata: {\"id\":\"p1\",\"state\":\"completed\"}\n\n",
		"POST /dead-letters/replays":           `{"dry_run":true,"matched":12}`,
		"GET /dead-letters/replays":            `{"items":[` + replay + `]}`,
	})
	for line, want := range map[string]string{
		"status":            "p1  sending  2030-01-02 03:04:05  News\n",
		"status --json":     `"title":"News"`,
		"status p1 --json":  `"total":9`,
		"status p1 --watch": "",
		"deadletters replay --all --dry-run --json": `{"dry_run":true,"matched":12}`,
		"deadletters replays --json":                `[{"id":"r1"`,
	} {
		if out, err := said(t, address, line); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s printed %q, %v", line, out, err)
		}
	}
}

// TestStatusNamesFailingSenders, with what to do; to who may not read senders it says nothing of them.
func TestStatusNamesFailingSenders(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"GET /publications": `{"items":[]}`,
		"GET /senders/failing": `{"items":[{"id":"s1","name":"Desk","from_email":"desk@news.example","verification":{"domain":"news.example","level":"failure",
			"checked_at":"2030-01-02T03:04:05Z","findings":[{"check":"spf","level":"ok","detail":"There is one."},{"check":"dmarc","level":"failure","code":"none",
			"detail":"There is none.","advice":"Publish one.","publish":[{"name":"_dmarc.news.example","type":"TXT","value":"v=DMARC1; p=none"}]}]}}]}`,
	}
	const want = `ID  STATE  CREATED  TITLE

Receivers refuse mail from Desk (desk@news.example), as was found on 2030-01-02 03:04:05. When it is mended: POST /api/v1/senders/s1/verify
failure  dmarc  There is none.
                Publish one.
                _dmarc.news.example  TXT  v=DMARC1; p=none
`
	if out, err := said(t, answering(t, answers), "status"); err != nil || out != want {
		t.Errorf("printed %q, %v", out, err)
	}
	if out, err := said(t, answering(t, answers), "status --json"); err != nil || out != "[]\n" {
		t.Errorf("as JSON: %q, %v", out, err)
	}
	delete(answers, "GET /senders/failing")
	if out, err := said(t, answering(t, answers), "status"); err != nil || out != "ID  STATE  CREATED  TITLE\n" {
		t.Errorf("of an API that tells nothing: %q, %v", out, err)
	}
}

// TestRefusalsEndCommands with an error that says what the API said, and print nothing.
func TestRefusalsEndCommands(t *testing.T) {
	t.Parallel()
	address := answering(t, map[string]string{
		"GET /publications/failed/progress/stream": "event: final\ndata: {\"id\":\"failed\",\"state\":\"failed\"}\n\n",
	})
	for _, line := range []string{
		"status", "status p", "status p --json", "status p --watch", "status failed --watch", "deadletters replay --all",
		"deadletters replays", "deadletters replays r1", "deadletters replays --json", "deadletters cancel r1",
	} {
		out, err := said(t, address, line)
		var problem *client.Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusNotFound || !strings.Contains(err.Error(), "none here") || out != "" {
			t.Errorf("%s printed %q, %v", line, out, err)
		}
	}
	if _, err := said(t, address, "deadletters replay --since soon"); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("a time that is none: %v", err)
	}
}

// TestReplayIsWatchedToItsEnd, though the API is away for a moment; what it refuses ends it.
func TestReplayIsWatchedToItsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers           []int
		printed, mistaken string
	}{
		"away for a moment": {[]int{http.StatusServiceUnavailable, http.StatusOK}, "replay r1 is stopped: 0 of 0", "replay r1 is stopped"},
		"refused":           {[]int{http.StatusForbidden}, "", "403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var looked atomic.Int32
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, answer := http.StatusAccepted, `{"id":"r1","state":"running"}`
				if r.Method == http.MethodGet {
					status, answer = c.answers[looked.Add(1)-1], `{"id":"r1","state":"stopped"}`
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, answer)
			}))
			defer api.Close()
			out, err := said(t, api.URL, "deadletters replay --all --watch")
			if err == nil || !strings.Contains(err.Error(), c.mistaken) || !strings.HasPrefix(out, c.printed) || int(looked.Load()) != len(c.answers) {
				t.Errorf("printed %q, %v, after looking %d times", out, err, looked.Load())
			}
		})
	}
}

// TestWatchingAReplayCanBeInterrupted: the replay goes on.
func TestWatchingAReplayCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &cobra.Command{}
	c.SetContext(ctx)
	r, err := watchReplay(c, nil, api.Replay{ID: "r1", State: "running"})
	if !errors.Is(err, context.Canceled) || r.ID != "r1" || r.State.Final() {
		t.Errorf("%+v, %v", r, err)
	}
}
