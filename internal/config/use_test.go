package config

import (
	"slices"
	"strings"
	"testing"
)

// TestEachUseAsksForWhatItNeeds and for nothing else: for every use, every variable is left out in turn.
func TestEachUseAsksForWhatItNeeds(t *testing.T) {
	t.Parallel()
	everything := map[string]string{"DATABASE_URL": "postgres://h/d", "MIGRATE_DATABASE_URL": "postgres://h/d", "REDIS_URL": "redis://h",
		"PUBLIC_URL": "https://p.test", "SECRET_KEY": long, "PRESSWORK_API_KEY": long}
	server := []string{"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PRESSWORK_API_KEY"}
	for environment, uses := range map[string]map[Use][]string{
		"production": {
			API: append(server[:4:4], "PUBLIC_URL"), Worker: append(server[:4:4], "PUBLIC_URL"), All: append(server[:4:4], "PUBLIC_URL"),
			Scheduler: {"DATABASE_URL", "REDIS_URL", "PRESSWORK_API_KEY", "SECRET_KEY"}, Migrate: nil, Secrets: {"DATABASE_URL", "SECRET_KEY"}, Audit: {"DATABASE_URL", "SECRET_KEY"}, "": nil,
		},
		"development": {
			API: server, Worker: server, All: nil, Scheduler: {"DATABASE_URL", "REDIS_URL", "PRESSWORK_API_KEY", "SECRET_KEY"}, Migrate: nil,
			Secrets: {"DATABASE_URL", "SECRET_KEY"}, Audit: {"DATABASE_URL", "SECRET_KEY"}, "": nil,
		},
	} {
		for use, needs := range uses {
			for left := range everything {
				environ := []string{"ENVIRONMENT=" + environment}
				for name, value := range everything {
					if name != left {
						environ = append(environ, name+"="+value)
					}
				}
				_, err := Load(environ, use)
				switch named := err != nil && strings.Contains(err.Error(), left+" is required"); {
				case slices.Contains(needs, left) && !named:
					t.Errorf("%s in %s without %s: %v", use, environment, left, err)
				case !slices.Contains(needs, left) && err != nil:
					t.Errorf("%s in %s does not need %s: %v", use, environment, left, err)
				}
			}
		}
	}
}

func TestMigrateNeedsEitherURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		environ []string
		want    string // "": loads
	}{
		{[]string{"DATABASE_URL=postgres://h/d"}, ""},
		{[]string{"MIGRATE_DATABASE_URL=postgres://h/d"}, ""},
		{nil, "MIGRATE_DATABASE_URL or DATABASE_URL is required"},
		{[]string{"ENVIRONMENT=production"}, "MIGRATE_DATABASE_URL or DATABASE_URL is required"},
		{[]string{"DATABASE_URL=postgres://h/d", "REDIS_URL=http://h"}, "REDIS_URL must begin with"},
		{[]string{"DATABASE_URL=postgres://h/d", "SECRET_KEY=short"}, "SECRET_KEY must have at least"},
	} {
		if _, err := Load(tc.environ, Migrate); (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc.environ, err)
		}
	}
}

// TestEachProblemIsSaidOnce also if several uses have it.
func TestEachProblemIsSaidOnce(t *testing.T) {
	t.Parallel()
	_, err := Load([]string{"ENVIRONMENT=production"}, API, Worker, Scheduler, All)
	if err == nil || strings.Count(err.Error(), "; DATABASE_URL")+strings.Count(err.Error(), ": DATABASE_URL") != 1 {
		t.Errorf("%v", err)
	}
}
