package main

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// TestSecrets shows which keys seal the secrets of channels, and seals them anew, on the database itself.
func TestSecrets(t *testing.T) {
	oldKey, newKey, strange := strings.Repeat("old key ", 5), strings.Repeat("new key ", 5), strings.Repeat("strange ", 5)
	database := dbtest.New(t)
	pool := dbtest.Connect(t, database)
	store := func(name, key string) {
		sealer, err := seal.New([]byte(strings.TrimSpace(key)))
		if err != nil {
			t.Fatal(err)
		}
		uid := ident.New()
		if _, err := pool.Exec(t.Context(), `INSERT INTO channel (uid, kind, provider, name, secrets) VALUES ($1, 'slack', 'slack', $2, $3)`,
			uid, name, sealer.Seal([]byte(`{"bot_token":"`+name+`"}`), "channel/"+uid.String())); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{"ENVIRONMENT": "", "DATABASE_URL": database, "SECRET_KEY": newKey, "SECRET_KEY_PREVIOUS": oldKey,
		"REDIS_URL": "", "PUBLIC_URL": "", "PRESSWORK_API_KEY": ""} {
		t.Setenv(name, strings.TrimSpace(value))
	}
	store("older", oldKey)
	store("newer", newKey)
	sealed := func(line string, wants ...string) {
		t.Helper()
		out, err := printed(t, line)
		if err != nil {
			out += "error: " + err.Error()
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q, without %q", line, out, want)
			}
		}
	}
	sealed("secrets status", "CHANNEL", "older", "previous\n", "newest\n", ": 1 sealed with it, 1 with a previous one, 0 unreadable")
	sealed("secrets status --json", `"newest":1,"previous":1,"unreadable":0,"channels":[{"id":"`, `"name":"older"`, `"state":"previous"`)
	sealed("secrets rotate", ": 1 resealed, 1 were already, 0 unreadable")
	sealed("secrets rotate --json", `"resealed":0,"newest":2,"unreadable":[]`)
	t.Setenv("SECRET_KEY_PREVIOUS", "")
	sealed("secrets status", ": 2 sealed with it, 0 with a previous one, 0 unreadable")
	store("lost", strange)
	sealed("secrets rotate", ": 0 resealed, 2 were already, 1 unreadable lost", "error: 1 channels: the stored secrets cannot be opened")
	t.Setenv("DATABASE_URL", "postgres://"+nobody+"/d")
	sealed("secrets status", "error: ")
	sealed("secrets rotate", "error: ")
	t.Setenv("SECRET_KEY", "")
	sealed("secrets rotate", "SECRET_KEY is required")
	sealed("secrets status", "SECRET_KEY is required")
}

// printed is what a command writes.
func printed(t *testing.T, line string) (string, error) {
	t.Helper()
	var out strings.Builder
	root := rootCommand()
	root.SetArgs(strings.Fields(line))
	root.SetOut(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}
