// Package config reads the settings of a process from its environment: one struct, checked whole, so that a
// process says everything that is wrong at once and names each variable.
package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Config is every setting. Names are those that the settings' own tools use. docs/configuration.md is generated
// from the comments (internal/tools/configdoc): what stands after "Default:" is the reason of the default.
type Config struct {
	// Environment is development or production.
	//
	// Default: production if `DATABASE_URL` is set, else development: a database that somebody set up is not a
	// playground.
	Environment string `env:"ENVIRONMENT"`
	// DatabaseURL is PostgreSQL 15 or newer: `postgres://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full`.
	//
	// Default: none in production. In development `presswork all` starts a private server in the data folder.
	DatabaseURL string `env:"DATABASE_URL"`
	// MigrateURL is the same database for migrations. Where it is set, every process migrates as it starts; in
	// production without it, only `presswork migrate` does.
	//
	// Default: `DATABASE_URL`. Another one is needed behind a pooler that shares connections between
	// transactions: the lock that lets one process migrate at a time belongs to a connection.
	MigrateURL string `env:"MIGRATE_DATABASE_URL"`
	// RedisURL is Redis 7.0 or newer: one server, `redis://[USER:PASSWORD@]HOST:6379/0`, the master that Sentinels name,
	// `redis-sentinel://HOST:26379/0?master_name=NAME&addr=HOST2:26379`, or a Cluster,
	// `redis-cluster://[USER:PASSWORD@]HOST:6379?addr=HOST2:6379`; with an s for TLS: `rediss://`, `rediss-sentinel://`,
	// `rediss-cluster://`. It must not evict (`maxmemory-policy noeviction`).
	//
	// Default: none in production. In development `presswork all` starts a private server in the data folder.
	RedisURL string `env:"REDIS_URL"`
	// SecretKey is what the keys are derived from that sign the links in messages and seal the secrets of
	// channels. At least 32 characters: `openssl rand -base64 48`.
	//
	// Default: none in production, since a known key guards nothing. In development a random one is made and kept
	// in the data folder.
	SecretKey string `env:"SECRET_KEY"`
	// PreviousKeys are earlier values of `SECRET_KEY`, separated by commas: links signed and secrets sealed with them stay
	// readable.
	//
	// Default: none: a key that is not named here opens nothing any more.
	PreviousKeys []string `env:"SECRET_KEY_PREVIOUS"`
	// SMTPURL is the relay of `smtp` channels that have no `url` of their own: `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or
	// `smtps://USER:PASSWORD@HOST:465`.
	//
	// Default: none: such a channel is a placeholder in development, and cannot be enabled in production.
	SMTPURL string `env:"SMTP_URL"`
	// SlackBotToken is the bot's token of `slack` channels that have none of their own.
	//
	// Default: as for `SMTP_URL`.
	SlackBotToken string `env:"SLACK_BOT_TOKEN"`
	// DiscordBotToken is the bot's token of `discord` channels that have none of their own.
	//
	// Default: as for `SMTP_URL`.
	DiscordBotToken string `env:"DISCORD_BOT_TOKEN"`
	// AWSAccessKeyID is a static access key, for `ses` channels that have none of their own and for SES's events.
	//
	// Default: what the AWS SDK finds by itself. The role of an instance, task or pod is best: there is nothing to keep secret.
	AWSAccessKeyID string `env:"AWS_ACCESS_KEY_ID"`
	// AWSSecretAccessKey is the access key's secret.
	//
	// Default: as for `AWS_ACCESS_KEY_ID`.
	AWSSecretAccessKey string `env:"AWS_SECRET_ACCESS_KEY"`
	// AWSSessionToken belongs to an access key that is valid for a while. The process has to be restarted before it ends.
	//
	// Default: none: access keys of users have none.
	AWSSessionToken string `env:"AWS_SESSION_TOKEN"`
	// APIKey opens the whole API and the operators' listener. At least 32 characters. The command line sends it
	// too.
	//
	// Default: none in production. In development a random one is made and kept in the data folder.
	APIKey string `env:"PRESSWORK_API_KEY"`
	// JWTIssuer is who signs the tokens (JWT) that the API takes beside keys: their `iss`. Setting it switches tokens on. Without
	// `PRESSWORK_JWKS_URL` they are signed with `SECRET_KEY` or one of its previous values, as it stands (HS256): a
	// backend module that shares it makes them.
	//
	// Default: none: only keys open the API.
	JWTIssuer string `env:"PRESSWORK_JWT_ISSUER"`
	// JWTAudience is whom such tokens are for: one of their `aud` has to be this. Needed where tokens are taken.
	//
	// Default: none: a token for another service of the same issuer must not open this one.
	JWTAudience string `env:"PRESSWORK_JWT_AUDIENCE"`
	// JWKSURL is the JWK Set with the keys of the issuer: `https://backend.example.org/.well-known/jwks.json`. With it only
	// tokens signed by one of these (RS256, PS256, ES256, EdDSA) are taken, and none signed with `SECRET_KEY`. It may be at a
	// private address; redirects are not followed. In production `http` is for loopback addresses only.
	//
	// Default: none: tokens are signed with `SECRET_KEY`.
	JWKSURL string `env:"PRESSWORK_JWKS_URL"`
	// JWKSMaxStale is how long keys are believed that cannot be fetched again. After that tokens are answered with 503.
	//
	// Default: an issuer may be away for a night. Whoever stole a key that was withdrawn meanwhile can use it for as long.
	JWKSMaxStale time.Duration `env:"PRESSWORK_JWKS_MAX_STALE" envDefault:"24h"`
	// JWTRolesClaim is the claim with the roles of whoever has the token: a list, or one text with spaces between.
	//
	// Default: as RFC 9068 calls it.
	JWTRolesClaim string `env:"PRESSWORK_JWT_ROLES_CLAIM" envDefault:"roles"`
	// JWTSkew is how far the issuer's clock may be from ours, 60s at most.
	//
	// Default: clocks that are kept by NTP are nearer; more would let tokens live on.
	JWTSkew time.Duration `env:"PRESSWORK_JWT_CLOCK_SKEW" envDefault:"30s"`
	// JWTMaxLifetime refuses tokens that are good for longer than that, or do not say since when they are (`iat`); 0: any.
	//
	// Default: how long tokens live is the issuer's decision. They cannot be revoked here, so short is better.
	JWTMaxLifetime time.Duration `env:"PRESSWORK_JWT_MAX_LIFETIME" envDefault:"0"`
	// PublicURL is where subscribers reach the public pages: links in messages begin with it.
	//
	// Default: none in production, since messages that were sent cannot be corrected. In development the API's own
	// address, for a worker in a process of its own `http://localhost:8080`.
	PublicURL string `env:"PUBLIC_URL"`
	// ContentElements are the HTML elements that contents may have beside the usual ones (paragraphs, headings to `h3`, lists,
	// links, images, tables and the like), separated by commas: any of
	// `h4,h5,h6,u,s,small,sub,sup,q,cite,abbr,dl,dt,dd,div,section,article,figure,figcaption,mark,kbd,center`. Workers go by it. Of
	// all others the text remains.
	//
	// Default: none: the usual ones look alike in every mail program.
	ContentElements []string `env:"PRESSWORK_CONTENT_ELEMENTS"`
	// Organisation is the name that stands on the public pages.
	//
	// Default: a name has to stand there.
	Organisation string `env:"PRESSWORK_ORGANISATION" envDefault:"Presswork"`
	// APIURL is the API that the command line calls.
	//
	// Default: where an API on the same machine listens unless told otherwise.
	APIURL string `env:"PRESSWORK_API_URL" envDefault:"http://localhost:8080"`
	// Listen is the address of the API and the public pages.
	//
	// Default: every interface, since a proxy or a container network is in front; a port that needs no root. In
	// development a port that is in use is replaced by a free one, in production it is an error.
	Listen string `env:"PRESSWORK_LISTEN" envDefault:":8080"`
	// OpsListen is the address of health, metrics, profiles and Asynqmon, in every role. Keep it from the public.
	//
	// Default: as for `PRESSWORK_LISTEN`. A listener of its own, so that a firewall can tell them apart.
	OpsListen string `env:"PRESSWORK_OPS_LISTEN" envDefault:":9090"`
	// DataDir is the folder of development's private servers and of the keys that were made.
	//
	// Default: `.presswork` in the working folder (`.presswork/demo` for the demo): a checkout keeps its own, and
	// deleting it starts anew.
	DataDir string `env:"PRESSWORK_DATA_DIR"`
	// LogLevel is the least that is logged: debug, info, warn or error.
	//
	// Default: a line for each request and each delivery that was not accepted; debug adds one for each that was.
	LogLevel string `env:"PRESSWORK_LOG_LEVEL" envDefault:"info"`
	// Queues are those that a worker serves, with their weights: `email=6,slack=2`.
	//
	// Default: all of them, with the weights of the package tasks, so that a single worker does everything.
	Queues string `env:"PRESSWORK_QUEUES"`
	// UrgentSlots is how many tasks of the urgent queues a worker runs at once, beside the bulk ones.
	//
	// Default: these tasks are short or few. Slots of their own, because a weight acts only when a slot falls free.
	UrgentSlots int `env:"PRESSWORK_URGENT_SLOTS" envDefault:"8"`
	// BulkSlots is how many tasks of the other queues a worker runs at once.
	//
	// Default: 16 batches of 200 recipients are enough to keep 128 connections busy.
	BulkSlots int `env:"PRESSWORK_BULK_SLOTS" envDefault:"16"`
	// Connections is how many e-mails, and as many newsletters, a worker has under way at once.
	//
	// Default: 2,560 messages a second at 50 ms a message. Each connection may leave 2 to 32 recipients uncertain
	// when the process dies. Slack, Discord and webhooks have 16 each: places limit what they take.
	Connections int `env:"PRESSWORK_CONNECTIONS" envDefault:"128"`
	// DatabasePool is how many connections to PostgreSQL a process may open, 30 at most.
	//
	// Default: four processes stay below PostgreSQL's own limit of 100. The sum over all processes has to.
	DatabasePool int `env:"PRESSWORK_DATABASE_POOL" envDefault:"20"`
	// DatabaseConnections is how many connections to PostgreSQL all processes together may open, for the number of workers
	// that autoscaling asks for; 0: what the server says (`max_connections`, less its reserves).
	//
	// Default: the server knows. Behind a pooler that shares connections, give the pooler's limit of clients.
	DatabaseConnections int `env:"PRESSWORK_DATABASE_CONNECTIONS" envDefault:"0"`
	// Pools are the sets of queues that workers of their own serve, for autoscaling, each with the least and the most
	// workers: `mail:0-20=email,newsletter,email-bulk;fast:1-4=critical,render`; an asterisk is every queue. A worker
	// belongs to a pool if `PRESSWORK_QUEUES` gives it all of the pool's queues.
	//
	// Default: one pool, `all:1-10=*`, since a single worker does everything. At least one worker: with none, whoever
	// publishes waits until one has started.
	Pools string `env:"PRESSWORK_POOLS"`
	// PoolObjective is how long what is owed should take: autoscaling asks for as many workers as that needs.
	//
	// Default: a new worker takes some ten seconds to start, and is worth it only for work that takes longer.
	PoolObjective time.Duration `env:"PRESSWORK_POOL_OBJECTIVE" envDefault:"60s"`
	// PoolStable is how long fewer workers must have been enough before autoscaling asks for fewer.
	//
	// Default: twice the objective, so that no worker is stopped in a pause between two publications and started again.
	PoolStable time.Duration `env:"PRESSWORK_POOL_STABLE" envDefault:"2m"`
	// SESEventsTopics are the topics of Amazon SNS, by their ARNs, separated by commas, that may post SES's events
	// (bounces, complaints, deliveries) to `/hooks/ses`. Subscriptions of others are not confirmed.
	//
	// Default: none, and nothing is taken: anybody can have a topic, with messages that Amazon signs.
	SESEventsTopics []string `env:"PRESSWORK_SES_EVENTS_TOPICS"`
	// SESEventsQueue is a queue of Amazon SQS with SES's events, which the API processes poll with the credentials that
	// the AWS SDK finds: `https://sqs.eu-central-1.amazonaws.com/123456789012/ses-events`. With both ways, an event that
	// comes twice counts once.
	//
	// Default: none. A queue keeps events for up to 14 days while no API is up; posts are given up after an hour.
	SESEventsQueue string `env:"PRESSWORK_SES_EVENTS_QUEUE_URL"`
	// SESEventsStandin is a stand-in for Amazon SNS, by the beginning of its addresses, whose signatures are believed:
	// `http://127.0.0.1:PORT/sns/` of `presswork sandbox`. Development only.
	//
	// Default: only Amazon's signatures are believed.
	SESEventsStandin string `env:"PRESSWORK_SES_EVENTS_STANDIN"`
	// AllowPrivate lets every provider that is called by HTTP (webhooks, SES, Slack, Discord), and webhook endpoints, be at a
	// loopback, private or link-local address, lets webhook endpoints be `http`, and lets `HTTPS_PROXY` apply. SMTP servers may be
	// at loopback and private addresses always, and at link-local ones with it.
	//
	// Default: whoever may create a channel or endpoint must not reach the inside of your network: name what they may
	// reach in `PRESSWORK_ALLOWED_NETWORKS` instead.
	AllowPrivate bool `env:"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS" envDefault:"false"`
	// AllowedNetworks are the addresses and networks that those providers and endpoints may be at although they are not public,
	// separated by commas, as in `10.20.0.0/16,fd00:20::/64`. All others stay refused, and `HTTPS_PROXY` does not apply.
	//
	// Default: none, as for `PRESSWORK_ALLOW_PRIVATE_WEBHOOKS`. The demo names loopback, where its sandbox is.
	AllowedNetworks []string `env:"PRESSWORK_ALLOWED_NETWORKS"`
	// ApprovalOver is the audience from which somebody other than its author has to approve a publication before it is sent; 1:
	// of any size, 0: none.
	//
	// Default: one person can send. A request can ask for approval by itself.
	ApprovalOver int `env:"PRESSWORK_APPROVAL_OVER" envDefault:"0"`
	// RateAddress is how many requests a minute one client address (of IPv6 a /64) may make of the API; 0: any number. Whoever
	// has an API key with a number of its own, or the admin key, is not held to it.
	//
	// Default: a person with a tool, and some who guess keys, but not a flood.
	RateAddress int `env:"PRESSWORK_RATE_ADDRESS" envDefault:"100"`
	// RatePrincipal is how many requests an hour one principal (a user of the backend, or an API key) may make, with those
	// that do the work of many counted as several; 0: any number. An API key may have another number. The admin key has none.
	//
	// Default: a backend that does more than this is known, and is given a key with a number of its own.
	RatePrincipal int `env:"PRESSWORK_RATE_PRINCIPAL" envDefault:"1000"`
	// RateSignIn is how many requests a minute one address may make of routes that give out tokens and links to sign in by, and of
	// the forms by which readers have a letter sent to themselves.
	//
	// Default: a person mistypes a few times.
	RateSignIn int `env:"PRESSWORK_RATE_SIGN_IN" envDefault:"5"`
	// RateTracking is how many opens and clicks a minute one address may send.
	//
	// Default: mail providers fetch the pictures of all their users from few addresses, and an open that is refused is lost.
	RateTracking int `env:"PRESSWORK_RATE_TRACKING" envDefault:"10000"`
	// RatePages is how many of the public pages and their pictures a minute one address may look at.
	//
	// Default: an office behind one address, with some pictures a page.
	RatePages int `env:"PRESSWORK_RATE_PAGES" envDefault:"600"`
	// RateOneClick is how many unsubscriptions a minute may come from one address.
	//
	// Default: mail providers send those of all their users from few addresses, and nobody who wants to leave should be kept.
	RateOneClick int `env:"PRESSWORK_RATE_ONE_CLICK" envDefault:"1000"`
	// RateHooks is how many reports a minute one address of a provider may post.
	//
	// Default: one for each mail at 1,000 mails a second. What is refused is posted again by Amazon SNS, for an hour.
	RateHooks int `env:"PRESSWORK_RATE_HOOKS" envDefault:"60000"`
	// TrustedProxies are the addresses and networks of the proxies in front of the API, separated by commas, as in
	// `10.0.0.0/8,2001:db8::1`: what they say in `X-Forwarded-For` about a client's address is believed.
	//
	// Default: none, since anybody can send the header. Behind a proxy that is not named, all clients are one.
	TrustedProxies []string `env:"PRESSWORK_TRUSTED_PROXIES"`
	// CORSOrigins are the origins whose pages may call the API from a browser, separated by commas, as in
	// `https://console.example.org`. They are compared as they stand; there are no patterns.
	//
	// Default: none: an API key does not belong into a browser.
	CORSOrigins []string `env:"PRESSWORK_CORS_ORIGINS"`
	// BreakerFailures is how many failures of a provider in a row, in all processes together, open its circuit breaker:
	// nothing is sent by that channel then.
	//
	// Default: fewer would also be a moment's hiccup.
	BreakerFailures int `env:"PRESSWORK_BREAKER_FAILURES" envDefault:"5"`
	// BreakerOpen is how long a circuit breaker stays open before one message tries again.
	//
	// Default: long enough to leave a provider in trouble alone, short enough that nobody has to do it by hand.
	BreakerOpen time.Duration `env:"PRESSWORK_BREAKER_OPEN" envDefault:"60s"`
	// WebhookRetries are the waits before a webhook that failed is tried again, each from 1s to 24h; chance takes up to a fifth
	// off. After the last retry the delivery fails and has a dead letter.
	//
	// Default: those of Standard Webhooks, three days in all: whoever looks after the receiver has a weekend.
	WebhookRetries []time.Duration `env:"PRESSWORK_WEBHOOK_RETRIES" envDefault:"5s,5m,30m,2h,5h,10h,14h,20h,24h"`
	// AuditKept is how long the audit log is kept, 2160h (90 days) at least; 0: for ever. The scheduler removes whole days.
	//
	// Default: 400 days: what somebody does once a year can be compared with the last time, and rules that ask for a year are met.
	AuditKept time.Duration `env:"PRESSWORK_AUDIT_KEPT" envDefault:"9600h"`
	// MessagesKept is how long it is kept to whom a message was sent that has ended, and with which data, 1h at least; 0: for
	// ever. What became of it stays.
	//
	// Default: 30 days: long enough to look into a complaint and to replay what failed, and no longer.
	MessagesKept time.Duration `env:"PRESSWORK_MESSAGES_KEPT" envDefault:"720h"`
	// PreferencesCached is for how long what a reader chose is remembered in Redis after it was read, 1h at most; 0: not at all.
	// What is shown is never older than what is stored.
	//
	// Default: somebody who looks at their preferences, or a program that does so for them, often comes back within minutes.
	PreferencesCached time.Duration `env:"PRESSWORK_PREFERENCES_CACHED" envDefault:"5m"`
	// SnapshotsKept is how long snapshots of segments are kept, 1h at least; 0: for ever. Those of a publication that has not ended
	// stay.
	//
	// Default: a year and a month: this year's readers can be compared with last year's.
	SnapshotsKept time.Duration `env:"PRESSWORK_SNAPSHOTS_KEPT" envDefault:"9600h"`
	// ShutdownGrace is how long a process may take to stop.
	//
	// Default: longer than a call to a provider (10 s) with the writing of its result, and shorter than the 30 s
	// after which Kubernetes kills.
	ShutdownGrace time.Duration `env:"PRESSWORK_SHUTDOWN_GRACE" envDefault:"25s"`

	// TracesBase is an OpenTelemetry collector that takes traces by OTLP over HTTP: `http://collector:4318`, to which
	// `/v1/traces` is added. Setting it switches tracing on.
	//
	// Default: no traces, and nothing that would cost time: not everybody has a collector.
	TracesBase string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// TracesEndpoint is the same for traces only, as a whole address: `http://collector:4318/v1/traces`.
	//
	// Default: as `OTEL_EXPORTER_OTLP_ENDPOINT` says.
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	// TracesService is the name of the service in traces.
	//
	// Default: `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, or `presswork`; the roles of a process are an attribute.
	TracesService string `env:"OTEL_SERVICE_NAME"`
	// TracesDisabled switches tracing off whatever the other settings say.
	//
	// Default: an address is a wish for traces.
	TracesDisabled bool `env:"OTEL_SDK_DISABLED" envDefault:"false"`

	// Reachable are AllowedNetworks, parsed.
	Reachable []netip.Prefix `env:"-"`
	// Proxies are TrustedProxies, parsed.
	Proxies []netip.Prefix `env:"-"`
	// PoolList is Pools, parsed.
	PoolList []Pool `env:"-"`
	// QueueWeights is Queues, parsed.
	QueueWeights map[string]int `env:"-"`
}

// Production reports whether the process runs for real.
func (c *Config) Production() bool { return c.Environment == "production" }

// check notes what is wrong with the settings that are set, and parses those that have parts.
func (p *problems) check(c *Config, vars map[string]string) {
	if c.Environment != "development" && c.Environment != "production" {
		p.add("ENVIRONMENT must be development or production, not %q", c.Environment)
	}
	p.url("DATABASE_URL", c.DatabaseURL, "postgres", "postgresql")
	p.url("MIGRATE_DATABASE_URL", c.MigrateURL, "postgres", "postgresql")
	p.url("REDIS_URL", c.RedisURL, "redis", "rediss", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster")
	p.url("PUBLIC_URL", c.PublicURL, "http", "https")
	p.url("PRESSWORK_API_URL", c.APIURL, "http", "https")
	p.url("OTEL_EXPORTER_OTLP_ENDPOINT", c.TracesBase, "http", "https")
	p.sesEvents(c)
	p.tokens(c)
	p.url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", c.TracesEndpoint, "http", "https")
	p.secret("SECRET_KEY", c.SecretKey, c.Production())
	for i, key := range c.PreviousKeys {
		c.PreviousKeys[i] = strings.TrimSpace(key)
	}
	c.PreviousKeys = slices.DeleteFunc(c.PreviousKeys, func(key string) bool { return key == "" })
	for _, key := range c.PreviousKeys {
		p.secret("SECRET_KEY_PREVIOUS", key, c.Production())
	}
	p.secret("PRESSWORK_API_KEY", c.APIKey, c.Production())
	for name, value := range map[string]int{"PRESSWORK_URGENT_SLOTS": c.UrgentSlots, "PRESSWORK_BULK_SLOTS": c.BulkSlots,
		"PRESSWORK_BREAKER_FAILURES": c.BreakerFailures, "PRESSWORK_CONNECTIONS": c.Connections, "PRESSWORK_DATABASE_POOL": c.DatabasePool} {
		if value < 1 && !p.has(name) {
			p.add("%s must be at least 1", name)
		}
	}
	p.kept(c)
	if c.ShutdownGrace < time.Second && !p.has("PRESSWORK_SHUTDOWN_GRACE") {
		p.add("PRESSWORK_SHUTDOWN_GRACE must be at least 1s")
	}
	if c.BreakerOpen < time.Second && !p.has("PRESSWORK_BREAKER_OPEN") {
		p.add("PRESSWORK_BREAKER_OPEN must be at least 1s")
	}
	p.webhooks(c)
	p.address("PRESSWORK_LISTEN", c.Listen)
	p.address("PRESSWORK_OPS_LISTEN", c.OpsListen)
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		p.add("PRESSWORK_LOG_LEVEL must be debug, info, warn or error, not %q", c.LogLevel)
	}
	if c.ApprovalOver < 0 && !p.has("PRESSWORK_APPROVAL_OVER") {
		p.add("PRESSWORK_APPROVAL_OVER must be 0 (none) or more")
	}
	if c.DatabasePool > 30 {
		p.add("PRESSWORK_DATABASE_POOL must be at most 30")
	}
	weights, err := ParseQueues(c.Queues)
	if err != nil {
		p.add("PRESSWORK_QUEUES: %v", err)
	}
	c.QueueWeights = weights
	p.pools(c)
	p.edge(c)
	p.unknown(vars)
}

// kept checks how long things are kept: 0 is for ever.
func (p *problems) kept(c *Config) {
	if c.AuditKept != 0 && c.AuditKept < minAuditKept && !p.has("PRESSWORK_AUDIT_KEPT") {
		p.add("PRESSWORK_AUDIT_KEPT must be 0 or at least %s", minAuditKept)
	}
	if (c.PreferencesCached != 0 && c.PreferencesCached < time.Second || c.PreferencesCached > time.Hour) && !p.has("PRESSWORK_PREFERENCES_CACHED") {
		p.add("PRESSWORK_PREFERENCES_CACHED must be 0, or from 1s to 1h")
	}
	if c.MessagesKept != 0 && c.MessagesKept < time.Hour && !p.has("PRESSWORK_MESSAGES_KEPT") {
		p.add("PRESSWORK_MESSAGES_KEPT must be 0 or at least 1h")
	}
	if c.SnapshotsKept != 0 && c.SnapshotsKept < time.Hour && !p.has("PRESSWORK_SNAPSHOTS_KEPT") {
		p.add("PRESSWORK_SNAPSHOTS_KEPT must be 0 or at least 1h")
	}
}
