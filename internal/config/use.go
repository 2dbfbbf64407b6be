package config

import (
	"slices"
	"strings"
)

// Use is what a process is for. It decides which settings have to be there; those that are set are checked whatever
// the use.
type Use string

// The uses. A process may have several.
const (
	API       Use = "api"
	Worker    Use = "worker"
	Scheduler Use = "scheduler"
	// All is every role in one process: what is missing in development is made up (app.Embed).
	All     Use = "all"
	Migrate Use = "migrate"
	// Tokens is the making of a token.
	Tokens Use = "tokens"
	// Secrets is the care of what is sealed in the database.
	Secrets Use = "secrets"
	// Audit is the verification of the audit log.
	Audit Use = "audit"
)

// need is a setting that a use cannot do without.
type need struct {
	// names are the variables of which one has to be set.
	names []string
	// production: in development there is something in its place.
	production bool
}

// needs of a use. What is not named here can be made up for, or is not used.
func (u Use) needs() []need {
	var (
		database  = need{names: []string{"DATABASE_URL"}}
		redis     = need{names: []string{"REDIS_URL"}}
		apiKey    = need{names: []string{"PRESSWORK_API_KEY"}} // of the operators' listener, in every role
		secretKey = need{names: []string{"SECRET_KEY"}}
		publicURL = need{names: []string{"PUBLIC_URL"}, production: true}
	)
	switch u {
	case API, Worker:
		return []need{database, redis, apiKey, secretKey, publicURL}
	case Scheduler:
		return []need{database, redis, apiKey, secretKey} // it seals the audit log
	case All:
		list := API.needs()
		for i := range list {
			list[i].production = true
		}
		return list
	case Secrets, Audit:
		return []need{database, secretKey}
	case Tokens:
		secretKey.production = true
		return []need{secretKey}
	case Migrate:
		return []need{{names: []string{"MIGRATE_DATABASE_URL", "DATABASE_URL"}}}
	default:
		return nil
	}
}

// needs names what the uses need and nobody set.
func (p *problems) needs(c *Config, uses []Use) {
	values := map[string]string{"DATABASE_URL": c.DatabaseURL, "MIGRATE_DATABASE_URL": c.MigrateURL, "REDIS_URL": c.RedisURL,
		"PRESSWORK_API_KEY": c.APIKey, "SECRET_KEY": c.SecretKey, "PUBLIC_URL": c.PublicURL}
	for _, use := range uses {
		for _, n := range use.needs() {
			set := slices.ContainsFunc(n.names, func(name string) bool { return values[name] != "" })
			if !set && (c.Production() || !n.production) {
				p.add("%s is required", strings.Join(n.names, " or "))
			}
		}
	}
}
