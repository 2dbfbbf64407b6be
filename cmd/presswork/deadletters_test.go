package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recovery is an API with one of everything; it notes what it was asked.
func recovery(t *testing.T) (address string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	const replay = `{"id":"r1","state":"completed","matched":12,"reopened":12,"sent":11,"failed":1}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		path := strings.TrimPrefix(r.URL.Path, "/api/v1")
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+path+" "+r.URL.RawQuery+" "+string(body)))
		answer := `{"items":[{"id":17,"queue":"email","fingerprint":"f","error":"busy\nline","count":12,"reason":"no_answer"}]}`
		switch {
		case r.Method == http.MethodDelete:
			answer = `{"deleted":3}`
		case path == "/dead-letters/17":
			answer = `{"id":17,"replays":[{"by":"archive"}]}`
		case path == "/uncertain/decide" && !strings.Contains(string(body), `"after"`):
			answer = `{"changed":2,"busy":1,"next":9}`
		case path == "/uncertain/decide":
			answer = `{"changed":3}`
		case strings.Contains(string(body), `"dry_run":true`):
			answer = `{"dry_run":true,"matched":12}`
		case path == "/dead-letters/replays" && r.Method == http.MethodPost:
			w.WriteHeader(http.StatusAccepted)
			answer = replay
		case r.Method == http.MethodPost || path == "/dead-letters/replays/r1":
			answer = replay
		case path == "/dead-letters/replays":
			answer = `{"items":[` + replay + `]}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestRecoveryCommands(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct{ asked, printed string }{
		"deadletters list --code busy --since 2030-01-01T00:00:00Z": {"GET /dead-letters code=busy&limit=50&since=2030-01-01T00%3A00%3A00Z", "busy line"},
		"deadletters list --json":                                   {"GET /dead-letters limit=50", `"fingerprint":"f"`},
		"deadletters groups --channel email":                        {"GET /dead-letters/groups channel=email", "12"},
		"deadletters groups --json":                                 {"GET /dead-letters/groups", `"count":12`},
		"deadletters show 17":                                       {"GET /dead-letters/17", `"by":"archive"`},
		"deadletters delete --fingerprint f":                        {"DELETE /dead-letters fingerprint=f", "3 deleted"},
		"deadletters delete 17 --json":                              {"DELETE /dead-letters/17", `{"deleted":1}`},
		"deadletters replay --fingerprint f --dry-run":              {`POST /dead-letters/replays  {"filter":{"fingerprint":"f"},"dry_run":true,"rate_per_second":100}`, "12 would be replayed"},
		"deadletters replay 17 --json --canary 3":                   {`POST /dead-letters/replays  {"filter":{"ids":[17]},"canary":3,"rate_per_second":100}`, `"state":"completed"`},
		"deadletters replay --all --watch --max-failing 0":          {`POST /dead-letters/replays  {"all":true,"rate_per_second":100,"max_failing":0}`, "12 of 12 replayed, 11 sent, 1 failed"},
		"deadletters replays":                                       {"GET /dead-letters/replays limit=50", "completed"},
		"deadletters replays r1":                                    {"GET /dead-letters/replays/r1", "replay r1 is completed"},
		"deadletters cancel r1 --json":                              {"POST /dead-letters/replays/r1/cancel", `"id":"r1"`},
		"uncertain list --reason no_answer":                         {"GET /uncertain limit=50&reason=no_answer", "no_answer"},
		"uncertain list --json":                                     {"GET /uncertain limit=50", `"id":17`},
		"uncertain count --publication p":                           {"GET /uncertain/counts publication_id=p", "12"},
		"uncertain count --json":                                    {"GET /uncertain/counts", `"count":12`},
		"uncertain decide resend --channel webhook":                 {`POST /uncertain/decide  {"decision":"resend","channel":"webhook","after":9}`, "5 decided, 1 with a worker"},
		"uncertain decide sent --id 4 --json":                       {`POST /uncertain/decide  {"decision":"sent","ids":[4],"after":9}`, `"changed":5`},
	} {
		address, asked := recovery(t)
		var out strings.Builder
		root := rootCommand()
		root.SetArgs(append(strings.Fields(line), "--api", address, "--api-key", "k"))
		root.SetOut(&out)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if last := (*asked)[len(*asked)-1]; last != want.asked || !strings.Contains(out.String(), want.printed) {
			t.Errorf("%s\nasked   %s\nwant    %s\nprinted %s", line, last, want.asked, out.String())
		}
	}
}

func TestRecoveryCommandsAreStrict(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"deadletters replay":                                     "say which",
		"deadletters replay --all --code busy":                   "say which",
		"deadletters replay --fingerprint=":                      "--fingerprint",
		"deadletters delete":                                     "say which",
		"deadletters delete 17 --code busy":                      "say which",
		"deadletters delete --code=":                             "--code",
		"deadletters list --since=":                              "--since",
		"uncertain decide resend --publication= --channel email": "--publication",
		"publish --title News --at=":                             "--at",
		"publish --title News --key=":                            "--key",
		"suppressions list --email=":                             "--email",
		"suppressions remove ann@example.org":                    "127.0.0.1:1",
		"deadletters replay x --api-key k":                       "read the id",
		"deadletters list --since soon":                          "--since",
		"deadletters show --api-key k x":                         "read the id",
		"uncertain decide forget":                                `invalid argument "forget"`,
		"uncertain decide":                                       "accepts 1 arg",
		"uncertain list --before soon":                           "--before",
		"deadletters delete --api-key k one":                     "read the id",
		"deadletters groups --until yesterday":                   "--until",
		"uncertain count --before 2030-13-01":                    "--before",
		"deadletters list unexpected --api-key k":                "unknown command",
	} {
		root := rootCommand()
		root.SetArgs(append(strings.Fields(line), "--api", "http://127.0.0.1:1", "--api-key", "k"))
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
