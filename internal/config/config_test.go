package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presswork/presswork/tasks"
)

const long = "0123456789abcdef0123456789abcdef"

func TestLoad(t *testing.T) {
	t.Parallel()
	production := []string{"DATABASE_URL=postgres://h/d", "REDIS_URL=redis://h", "PUBLIC_URL=https://p.test",
		"SECRET_KEY=" + long, "PRESSWORK_API_KEY=" + long}
	for _, tc := range []struct {
		name    string
		environ []string
		fails   []string // parts of the message; none: loads
	}{
		{"nothing set", nil, nil},
		{"production", production, nil},
		{"development with a database", []string{"ENVIRONMENT=development", "DATABASE_URL=postgres://h/d"}, nil},
		{"a database means production", []string{"DATABASE_URL=postgres://h/d"},
			[]string{"SECRET_KEY is required", "REDIS_URL is required", "PUBLIC_URL is required", "PRESSWORK_API_KEY is required"}},
		{"unknown environment", []string{"ENVIRONMENT=staging"}, []string{"ENVIRONMENT"}},
		{"short secret", []string{"SECRET_KEY=short"}, []string{"SECRET_KEY must have at least 32"}},
		{"placeholder", append(production[:3:3], "SECRET_KEY=changeme-changeme-changeme-changeme", "PRESSWORK_API_KEY="+long),
			[]string{"SECRET_KEY is a placeholder"}},
		{"not a URL", []string{"REDIS_URL=http://x"}, []string{"REDIS_URL must begin with redis://"}},
		{"Sentinels", []string{"REDIS_URL=redis-sentinel://h:26379/0?master_name=m&addr=h2:26379"}, nil},
		{"a Cluster", []string{"REDIS_URL=rediss-cluster://:p@h:6379?addr=h2:6379"}, nil},
		{"typo", []string{"PRESSWORK_LISEN=:1"}, []string{"PRESSWORK_LISEN is not known"}},
		{"not a number", []string{"PRESSWORK_BULK_SLOTS=many"}, []string{"PRESSWORK_BULK_SLOTS must be a whole number"}},
		{"not a switch", []string{"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=maybe"}, []string{"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS must be true or false"}},
		{"not a duration", []string{"PRESSWORK_SHUTDOWN_GRACE=25"}, []string{"PRESSWORK_SHUTDOWN_GRACE must be a duration, as in 25s"}},
		{"no time to stop", []string{"PRESSWORK_SHUTDOWN_GRACE=-5s"}, []string{"PRESSWORK_SHUTDOWN_GRACE must be at least 1s"}},
		{"no time to look", []string{"PRESSWORK_MESSAGES_KEPT=1m"}, []string{"PRESSWORK_MESSAGES_KEPT must be 0 or at least 1h"}},
		{"remembered for a moment", []string{"PRESSWORK_PREFERENCES_CACHED=1ms"}, []string{"PRESSWORK_PREFERENCES_CACHED must be 0, or from 1s to 1h"}},
		{"remembered for a day", []string{"PRESSWORK_PREFERENCES_CACHED=24h"}, []string{"PRESSWORK_PREFERENCES_CACHED must be 0, or from 1s to 1h"}},
		{"not remembered", []string{"PRESSWORK_PREFERENCES_CACHED=0"}, nil},
		{"no time to compare", []string{"PRESSWORK_SNAPSHOTS_KEPT=1m"}, []string{"PRESSWORK_SNAPSHOTS_KEPT must be 0 or at least 1h"}},
		{"no host", []string{"PUBLIC_URL=https://"}, []string{"PUBLIC_URL names no host"}},
		{"not an address", []string{"PRESSWORK_LISTEN=8080"}, []string{"PRESSWORK_LISTEN must be an address"}},
		{"not a port", []string{"PRESSWORK_OPS_LISTEN=:99999"}, []string{"PRESSWORK_OPS_LISTEN must have a port"}},
		{"unknown level", []string{"PRESSWORK_LOG_LEVEL=loud"}, []string{"PRESSWORK_LOG_LEVEL must be debug, info, warn or error"}},
		{"empty is unset", []string{"PRESSWORK_BULK_SLOTS=", "PRESSWORK_SHUTDOWN_GRACE=", "PRESSWORK_LISTEN=", "PRESSWORK_LOG_LEVEL=",
			"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=", "SECRET_KEY_PREVIOUS=", "PRESSWORK_QUEUES=", "ENVIRONMENT=", "REDIS_URL="}, nil},
		{"zero", []string{"PRESSWORK_BULK_SLOTS=0"}, []string{"PRESSWORK_BULK_SLOTS must be at least 1"}},
		{"unknown queue", []string{"PRESSWORK_QUEUES=fax=3"}, []string{"PRESSWORK_QUEUES"}},
		{"queue named twice", []string{"PRESSWORK_QUEUES=email=6,email=2"}, []string{"PRESSWORK_QUEUES"}},
		{"missing file", []string{"SECRET_KEY_FILE=/does/not/exist"}, []string{"SECRET_KEY_FILE"}},
		{"events of SES", []string{"PRESSWORK_SES_EVENTS_TOPICS=arn:aws:sns:eu-central-1:123456789012:ses-events,",
			"PRESSWORK_SES_EVENTS_QUEUE_URL=https://sqs.eu-central-1.amazonaws.com/1/q", "PRESSWORK_SES_EVENTS_STANDIN=http://h/sns/"}, nil},
		{"no topic, no queue", []string{"PRESSWORK_SES_EVENTS_TOPICS=ses-events", "PRESSWORK_SES_EVENTS_QUEUE_URL=q"},
			[]string{"PRESSWORK_SES_EVENTS_TOPICS must be ARNs", "PRESSWORK_SES_EVENTS_QUEUE_URL must begin with"}},
		{"a stand-in in production", append(production[:len(production):len(production)], "PRESSWORK_SES_EVENTS_STANDIN=http://h/sns/"),
			[]string{"PRESSWORK_SES_EVENTS_STANDIN is for development only"}},
		{"all at once", []string{"SECRET_KEY=x", "PUBLIC_URL=ftp://x"}, []string{"SECRET_KEY", "PUBLIC_URL"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Load(tc.environ, All)
			if len(tc.fails) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if len(c.QueueWeights) != len(tasks.Queues()) {
					t.Errorf("queues %v", c.QueueWeights)
				}
				return
			}
			if err == nil {
				t.Fatal("loaded")
			}
			for _, part := range tc.fails {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestLoadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(long+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"SECRET_KEY_FILE=" + path})
	if err != nil || c.SecretKey != long {
		t.Errorf("%q, %v", c.SecretKey, err)
	}
	if _, err := Load([]string{"SECRET_KEY_FILE=" + path, "SECRET_KEY=" + long}); err == nil {
		t.Error("a value and a file were both taken")
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	_, err := Load([]string{"DATABASE_URL=postgres://u:hunter2%zz@h/d", "SECRET_KEY=hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestParseQueues(t *testing.T) {
	t.Parallel()
	got, err := ParseQueues("email=6, slack=2,critical")
	if err != nil || len(got) != 3 || got["email"] != 6 || got["slack"] != 2 || got["critical"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"email=0", "email=-1", "email=x", "fax", ",", "email=6;slack"} {
		if got, err := ParseQueues(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}
