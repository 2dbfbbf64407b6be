package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// store is a manager of secrets, by their references, that notes what it was asked for.
type store struct {
	values map[string]string
	mu     sync.Mutex
	asked  []string
}

func (s *store) resolvers() map[string]Resolver {
	read := func(_ context.Context, reference string) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, reference)
		value, found := s.values[reference]
		if !found {
			return "", errors.New("permission denied")
		}
		return value, nil
	}
	return map[string]Resolver{"vault": read, "aws-sm": read}
}

const other = "fedcba9876543210fedcba9876543210"

func TestReferences(t *testing.T) {
	t.Parallel()
	s := &store{values: map[string]string{"vault://s/a#key": long + "\n", "vault://s/a#old": other, "aws-sm://db": "postgres://h/d", "vault://s/empty#x": " \n"}}
	servers := []string{"REDIS_URL=redis://h", "PUBLIC_URL=https://p.test"}
	c, err := Read(t.Context(), append(servers, "SECRET_KEY=vault://s/a#key", "PRESSWORK_API_KEY=vault://s/a#key", "DATABASE_URL=aws-sm://db",
		"SECRET_KEY_PREVIOUS=vault://s/a#old, "+long+",vault://s/a#key"), s.resolvers(), API)
	if err != nil {
		t.Fatal(err)
	}
	if c.SecretKey != long || c.APIKey != long || c.DatabaseURL != "postgres://h/d" || !slices.Equal(c.PreviousKeys, []string{other, long, long}) || !c.Production() {
		t.Errorf("read as %+v", c)
	}
	if slices.Sort(s.asked); !slices.Equal(s.asked, []string{"aws-sm://db", "vault://s/a#key", "vault://s/a#old"}) {
		t.Errorf("asked for %q", s.asked)
	}

	// Whatever is wrong is said at once, with the variable and the reference.
	s.values["vault://s/short#key"] = "hunter2"
	_, err = Read(t.Context(), []string{"SECRET_KEY=vault://s/b#key", "PRESSWORK_API_KEY=vault://s/b#key", "SMTP_URL=vault://s/empty#x"}, s.resolvers(), All)
	for _, part := range []string{"SECRET_KEY: vault://s/b#key: permission denied", "PRESSWORK_API_KEY: vault://s/b#key: permission denied", "SMTP_URL: vault://s/empty#x: the secret is empty"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v, without %q", err, part)
		}
	}
	// What is read is checked as if it had been given, and no less secret.
	_, err = Read(t.Context(), []string{"SECRET_KEY=vault://s/short#key"}, s.resolvers(), All)
	if err == nil || !strings.Contains(err.Error(), "SECRET_KEY must have at least 32") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// TestReferencesThatNoUseReads are not asked for: whoever pauses everything needs no Vault for it.
func TestReferencesThatNoUseReads(t *testing.T) {
	t.Parallel()
	environ := []string{"DATABASE_URL=vault://s/a#db", "SECRET_KEY=vault://s/a#key", "SECRET_KEY_PREVIOUS=vault://s/a#old", "PRESSWORK_API_KEY=vault://s/a#api",
		"MIGRATE_DATABASE_URL=vault://s/a#mig", "SLACK_BOT_TOKEN=vault://s/a#slack", "REDIS_URL=redis://h", "PUBLIC_URL=https://p.test"}
	for use, want := range map[Use][]string{
		"":      {"api"},
		Migrate: {"db", "mig"},
		Secrets: {"db", "key", "old"},
		Audit:   {"db", "key", "old"},
		Tokens:  {"key"},
		Worker:  {"api", "db", "key", "mig", "old", "slack"},
	} {
		s := &store{values: map[string]string{"vault://s/a#db": "postgres://h/d", "vault://s/a#mig": "postgres://h/d", "vault://s/a#key": long,
			"vault://s/a#old": other, "vault://s/a#api": long, "vault://s/a#slack": "xoxb"}}
		uses := []Use{use}
		if use == "" {
			uses = nil
		}
		c, err := Read(t.Context(), environ, s.resolvers(), uses...)
		if err != nil || !c.Production() {
			t.Errorf("%s: %v", use, err)
		}
		for i := range s.asked {
			s.asked[i] = strings.TrimPrefix(s.asked[i], "vault://s/a#")
		}
		if slices.Sort(s.asked); !slices.Equal(s.asked, want) {
			t.Errorf("%s: asked for %q", use, s.asked)
		}
	}
}

// TestReferencesAreReadAtTheSameTime: each waits until all were asked for.
func TestReferencesAreReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		all.Add(3)
		read := func(context.Context, string) (string, error) {
			all.Done()
			all.Wait()
			return long, nil
		}
		c, err := Read(t.Context(), []string{"SECRET_KEY=vault://a", "SECRET_KEY_PREVIOUS=vault://b", "PRESSWORK_API_KEY=vault://c"}, map[string]Resolver{"vault": read}, All)
		if err != nil || c.SecretKey != long {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// TestFilesHoldNoReferences: one of two ways to find a secret is enough.
func TestFilesHoldNoReferences(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("vault://s/a#key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &store{}
	if _, err := Read(t.Context(), []string{"SLACK_BOT_TOKEN_FILE=" + path}, s.resolvers(), Worker); err == nil || !strings.Contains(err.Error(), "SLACK_BOT_TOKEN_FILE") || len(s.asked) > 0 {
		t.Errorf("%v, asked %q", err, s.asked)
	}
}

// TestCredentials of providers are settings like others.
func TestCredentials(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("smtp://h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &store{values: map[string]string{"vault://s/a#discord": "of Vault"}}
	c, err := Read(t.Context(), []string{"SMTP_URL_FILE=" + path, "SLACK_BOT_TOKEN=given", "DISCORD_BOT_TOKEN=vault://s/a#discord",
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=session"}, s.resolvers(), All)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"SMTP_URL": "smtp://h", "SLACK_BOT_TOKEN": "given", "DISCORD_BOT_TOKEN": "of Vault",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session", "SECRET_KEY": ""} {
		if got := c.Credential(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func FuzzReplacePart(f *testing.F) {
	f.Add("vault://a, b ,vault://a", "vault://a")
	f.Fuzz(func(t *testing.T, value, reference string) {
		if strings.Contains(reference, ",") || strings.TrimSpace(reference) != reference {
			return
		}
		if got := strings.Count(replacePart(value, reference, "x"), ","); got != strings.Count(value, ",") {
			t.Errorf("%q without %q has %d commas", value, reference, got)
		}
	})
}
