package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

// TestTypeScript runs the tests of the TypeScript client, and then its example, which publishes, follows the progress and
// verifies a webhook, against a deployment by a network that loses answers; and once more, which finds there what the first run
// made. It is here since the tests of this package mostly wait, and leave it the processor.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("node is missing: `make deps` installs it")
	}
	do(ctx, t, "../..", nil, "scripts/typescript.sh")
	do(ctx, t, "../../client/typescript", nil, "node", "--test", "dist-test/")
	h := open(t)
	told := []string{"PRESSWORK_API_URL=" + losing(h), "PRESSWORK_API_KEY=" + fixture.Key, "SMTP_URL=smtp://" + h.Providers.SMTPAddr()}
	for run, subscribers := range []string{"3 new, 0 known", "0 new, 3 known"} {
		said := do(ctx, t, "../../examples/typescript", told, "node", "dist/publish.js")
		id := after(said, "accepted ")
		for _, want := range []string{"subscribers " + subscribers, "completed 3 of 3 sent", "received publication.completed with 3 sent"} {
			if !strings.Contains(said, want+"\n") {
				t.Errorf("run %d does not say %q:\n%s", run+1, want, said)
			}
		}
		h.wantOnce(id, "email", 3)
		var endpoints struct{ Items []struct{ ID string } }
		h.Call(t, http.MethodGet, "/webhook-endpoints", nil, &endpoints)
		if len(endpoints.Items) != 0 {
			t.Errorf("run %d leaves its webhook behind", run+1)
		}
	}
	if n := value[int](h, "SELECT count(*)::int FROM publication"); n != 2 {
		t.Errorf("two runs made %d publications", n)
	}
	if n := h.logs.FilterMessage("request").FilterField(zap.String("route", "/api/v1/publications")).Len(); n != 3 {
		t.Errorf("publications were asked for %d times, want one time more than there are", n)
	}
}

// do runs a program in a folder, with more in its environment, and returns what it said.
func do(ctx context.Context, t *testing.T, folder string, environment []string, program string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, arguments, err, said)
	}
	return string(said)
}

// losing is the address of a network in front of a house that loses the first answer of each kind of request: what was asked
// was done. Of a stream it loses what comes after the beginning.
func losing(h *house) string {
	h.t.Helper()
	target, err := url.Parse(h.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	var lost sync.Map
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(answer *http.Response) error {
		r := answer.Request
		if _, again := lost.LoadOrStore(r.Method+" "+r.URL.Path, true); again || r.Method == http.MethodPost && r.Header.Get("Idempotency-Key") == "" {
			return nil
		}
		if answer.Header.Get("Content-Type") == "text/event-stream" {
			answer.Body = io.NopCloser(io.LimitReader(answer.Body, 200)) // within the first event
			return nil
		}
		return http.ErrAbortHandler
	}
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // closes the connection
	server := httptest.NewServer(proxy)
	h.t.Cleanup(server.Close)
	return server.URL
}

// after is the rest of the line that begins with a word.
func after(text, word string) string {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, word); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
