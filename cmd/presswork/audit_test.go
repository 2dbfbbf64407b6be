package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// sealedAudit adds events to the audit log of a database and seals them in a block, n times.
func sealedAudit(t *testing.T, database, key string, n int) {
	t.Helper()
	chain, err := audit.NewChain([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), database, postgres.Options{Audit: chain})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range n {
		for range 3 {
			if err := db.RecordAudit(t.Context(), "topic", "update", ident.New(), nil); err != nil {
				t.Fatal(err)
			}
		}
		h, err := db.AuditHorizon(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, reached, err := db.SealAudit(t.Context(), h); err != nil || !reached {
			t.Fatal(reached, err)
		}
	}
}

// tampered does what only the owner of the tables can.
func tampered(t *testing.T, database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dbtest.Owner(t, database))
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), sql)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// TestAuditVerify says what is wrong, by number, and fails then.
func TestAuditVerify(t *testing.T) {
	key, newer := strings.Repeat("key of audit ", 3), strings.Repeat("newer key ", 4)
	database := dbtest.New(t)
	for name, value := range map[string]string{"ENVIRONMENT": "", "DATABASE_URL": database, "SECRET_KEY": strings.TrimSpace(key), "SECRET_KEY_PREVIOUS": "",
		"REDIS_URL": "", "PUBLIC_URL": "", "PRESSWORK_API_KEY": ""} {
		t.Setenv(name, value)
	}
	says := func(line string, wants ...string) string {
		t.Helper()
		out, err := printed(t, line)
		text := out
		if err != nil {
			text += "error: " + err.Error()
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q, without %q", line, text, want)
			}
		}
		return strings.TrimSpace(out)
	}
	says("audit anchor", "error: nothing of the audit log is sealed yet")
	says("audit verify", "0 events in 0 blocks\n", "\nintact\n")
	sealedAudit(t, database, strings.TrimSpace(key), 3)
	mark := says("audit anchor", "3:")
	if out := says("audit verify", "9 events in 3 blocks, 1 to 3\n0 events are not sealed yet\n", "intact; to be kept elsewhere: "+mark); strings.Contains(out, "may change the log") {
		t.Errorf("the application's role: %q", out)
	}
	says("audit verify --from 3 --json", `"intact":true,"blocks":1,"events":3,`, `"anchor":"`+mark+`"`, `"findings":[]`, `"append_only":true`)
	says("audit verify --anchor "+mark, "intact")
	says("audit verify --anchor 3", "error: a block is noted as")
	says("audit verify --anchor 9"+mark[1:], "anchor_lost block 9", "error: the audit log is not intact")

	t.Setenv("DATABASE_URL", dbtest.Owner(t, database))
	says("audit verify", "the role of DATABASE_URL may change the log")
	t.Setenv("DATABASE_URL", database)
	t.Setenv("SECRET_KEY", strings.TrimSpace(newer))
	says("audit verify", "block_key_unknown block 1\n", "broken from block 1 on", "error: the audit log is not intact")
	says("audit anchor", "error: the newest block of the audit log, 3: sealed with a key that is not known")
	t.Setenv("SECRET_KEY_PREVIOUS", strings.TrimSpace(key))
	says("audit verify", "intact")

	tampered(t, database, `UPDATE audit_event SET actor = 'nobody' WHERE id = 4; DELETE FROM audit_event WHERE id = 8`)
	says("audit verify", "event_altered block 2 event 4\nevent_missing block 3 event 8\nbroken from block 2 on\n", "error: the audit log is not intact")
	says("audit verify --json", `"found":2,"findings":[{"problem":"event_altered","block":2,"event":4},{"problem":"event_missing","block":3,"event":8}]`,
		"error: the audit log is not intact")
	tampered(t, database, `DELETE FROM audit_event WHERE id < 4 OR id > 7; DELETE FROM audit_block WHERE n = 3; UPDATE audit_block SET entries = entries || entries, events = 6`)
	says("audit verify", "block_altered block 1", "block_altered block 2", "error: the audit log is not intact")
	says("audit anchor", "altered since it was sealed")
	t.Setenv("DATABASE_URL", "postgres://"+nobody+"/d")
	says("audit verify", "error: ")
	says("audit anchor", "error: ")
}

// TestAuditList asks for what the flags say.
func TestAuditList(t *testing.T) {
	t.Parallel()
	const event = `{"id":7,"at":"2030-01-02T03:04:05Z","actor":"key:admin","action":"topic.update","entity":"topic","entity_id":"t1",
		"correlation_id":"c1","changes":{"fields":["name"]}}`
	for line, want := range map[string][2]string{
		"audit list": {"limit=50", `7   2030-01-02 03:04:05  key:admin  topic.update  t1         c1              {"fields":["name"]}`},
		"audit list --limit 3 --json --actor key:admin --action topic.update --entity topic --entity-id t1 --correlation-id c1": {
			"action=topic.update&actor=key%3Aadmin&correlation_id=c1&entity=topic&entity_id=t1&limit=3", `[{"id":7,`},
		"audit list --since 2030-01-01T00:00:00Z --until 2030-02-01T00:00:00Z": {
			"limit=50&since=2030-01-01T00%3A00%3A00Z&until=2030-02-01T00%3A00%3A00Z", "7   2030"},
		"audit list --actor=":          {"", "error: "},
		"audit list --since yesterday": {"", "error: "},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var asked string
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.RawQuery
				if r.URL.Path != "/api/v1/audit-events" {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = io.WriteString(w, `{"items":[`+event+`]}`)
			}))
			defer api.Close()
			out, err := said(t, api.URL, line)
			if err != nil {
				out = "error: " + err.Error()
			}
			if asked != want[0] || !strings.Contains(out, want[1]) {
				t.Errorf("asked %q, printed %q", asked, out)
			}
		})
	}
}
