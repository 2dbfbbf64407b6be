package app

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/credential"
	"github.com/presswork/presswork/internal/secret"
)

// random looks as if it came from a generator.
var random = strings.Join([]string{"q7Zt", "93mK", "xW0b", "Lr58", "vYd2", "Hn6P"}, "")

func signing(bytes int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(random, 4)[:bytes]))
}

// guarded is a secret of a provider, what it may be, and why it may not be other things.
type guarded struct {
	provider, secret string
	good             []string
	bad              map[string]string
	also             map[string]string // further secrets of the channel, which are good
}

func guardedSecrets() []guarded {
	const placeholder, known = "is a placeholder", "is a default that everybody knows"
	words := func(prefix string) map[string]string {
		return map[string]string{prefix + "changeme" + random: placeholder, prefix + "PLACEHOLDER-" + random: placeholder, prefix + "dev-secret-" + random: placeholder,
			"<your bot's token, given by the provider, with dots. and. all>": placeholder, strings.Repeat("x", 60): placeholder}
	}
	with := func(list, more map[string]string) map[string]string {
		for value, why := range more {
			list[value] = why
		}
		return list
	}
	id, key := "AK"+"IA"+strings.ToUpper(random[:16]), random+random[:16]
	hook := map[string]string{"https://hooks.test/services/T1/B1/short": "has fewer than 16", "https://hooks.test/services/T1/B1/XXXXXXXXXXXXXXXX": placeholder,
		"https://hooks.test/api/webhooks/1/your-token-of-this-webhook": placeholder}
	return []guarded{
		{provider: "smtp", secret: "url", good: []string{"smtp://u:" + random + "@relay.test", "smtps://u:p%20of%20words@relay.test", "smtp://relay.test"}, bad: map[string]string{
			"smtp://u@relay.test": "has a user without a password", "smtp://u:short@relay.test": "has a password that has fewer than 8",
			"smtp://u:password@relay.test": "has a password that " + known, "smtp://u:PassW0rd@relay.test": "has a password that " + known,
			"smtp://u:changeme123@relay.test": "has a password that " + placeholder, "smtp://u:" + "%3Cpassword%3E@relay.test": "has a password that " + placeholder,
			"smtps://u:xxxxxxxxxx@relay.test": "has a password that " + placeholder}},
		{provider: "ses", secret: "access_key_id", good: []string{id}, also: map[string]string{"secret_access_key": key},
			bad: with(words("AK"+"IA"), map[string]string{id[:19]: "has fewer than 20", "admin": known, "AK" + "IAIOSFODNN7EXAMPLE": placeholder})},
		{provider: "ses", secret: "secret_access_key", good: []string{key}, also: map[string]string{"access_key_id": id},
			bad: with(words(""), map[string]string{key[:19]: "has fewer than 20", "secret": known})},
		{provider: "ses", secret: "session_token", good: []string{key}, also: map[string]string{"access_key_id": id, "secret_access_key": key},
			bad: with(words(""), map[string]string{"token": known})},
		{provider: "slack", secret: "bot_token", good: []string{"xoxb-" + random, "xoxe.xoxb-1-" + random},
			bad: with(words("xoxb-"), map[string]string{"xoxb-123": "has fewer than 24", "xoxp-" + random: "begins with xoxb-", "token": known})},
		{provider: "slack-webhook", secret: "hook_url", good: []string{"https://hooks.test/services/T1/B1/" + random}, bad: hook},
		{provider: "discord", secret: "bot_token", good: []string{random + ".aBc-12." + random + random}, bad: with(words(random+".aBc-12."), map[string]string{
			random + random + random: "three parts", "a.b.c": "has fewer than 50", "test": known})},
		{provider: "discord-webhook", secret: "hook_url", good: []string{"https://hooks.test/api/webhooks/1/" + random}, bad: hook},
		{provider: "webhook", secret: "signing_secrets", good: []string{signing(24), signing(64), signing(32) + " " + signing(48)}, bad: map[string]string{
			signing(23): "number 1, that has not 24 to 64 bytes", signing(65): "number 1", signing(32) + " " + signing(8): "number 2",
			"whsec_changeme": "has a secret, number 1, that " + placeholder, "secret": "has a secret, number 1, that " + known}},
	}
}

// TestEveryCredentialIsGuarded, given by the channel or by the environment, in production and in development. There,
// placeholders are served by a stand-in; what is only odd may be somebody's own stand-in's, and is used.
func TestEveryCredentialIsGuarded(t *testing.T) {
	t.Parallel()
	production, development := quiet("production").providers(), quiet("development").providers()
	all := guardedSecrets()
	for _, g := range all {
		of := func(value string) channel.Channel {
			c := channel.Channel{Provider: g.provider, Secrets: map[string]string{g.secret: value}}
			for name, value := range g.also {
				c.Secrets[name] = value
			}
			return c
		}
		for _, value := range g.good {
			c := of(value)
			if refused := production.Refused(c); refused != nil || development.Placeholder(c) {
				t.Errorf("%s %s %q: refused as %q", g.provider, g.secret, value, refused)
			}
		}
		for value, why := range g.bad {
			c := of(value)
			refused := production.Refused(c)
			if len(refused) != 1 || !strings.HasPrefix(refused[0], g.secret+" ") || !strings.Contains(refused[0], why) {
				t.Errorf("%s %s %q: refused as %q, want %s", g.provider, g.secret, value, refused, why)
			}
			if isPlaceholder := strings.Contains(why, "is a placeholder"); development.Placeholder(c) != isPlaceholder {
				t.Errorf("%s %s %q in development: a stand-in is %v", g.provider, g.secret, value, !isPlaceholder)
			}
			fromEnvironment(t, g, of(value), why)
		}
	}
	// Nothing was forgotten.
	for _, name := range production.Names() {
		p, _ := production.Provider(name)
		for _, s := range p.Settings {
			if s.Secret && !slices.ContainsFunc(all, func(g guarded) bool { return g.provider == name && g.secret == s.Name }) {
				t.Errorf("the secret %s of %s is not guarded", s.Name, name)
			}
		}
	}
}

// fromEnvironment refuses the same values by the names of their variables, if there are any.
func fromEnvironment(t *testing.T, g guarded, c channel.Channel, why string) {
	t.Helper()
	names := map[string]string{"url": "SMTP_URL", "access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"}
	switch g.provider {
	case "slack":
		names["bot_token"] = "SLACK_BOT_TOKEN"
	case "discord":
		names["bot_token"] = "DISCORD_BOT_TOKEN"
	}
	if names[g.secret] == "" {
		return
	}
	environ := []string{"ENVIRONMENT=production"}
	for name, value := range c.Secrets {
		environ = append(environ, names[name]+"="+value)
	}
	settings, err := config.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	registry := (&App{Config: settings, Log: zap.NewNop()}).providers()
	refused := registry.Refused(channel.Channel{Provider: g.provider})
	if len(refused) != 1 || !strings.HasPrefix(refused[0], names[g.secret]+" ") || !strings.Contains(refused[0], why) {
		t.Errorf("%s by %s: refused as %q, want %s", g.provider, names[g.secret], refused, why)
	}
}

// TestSecretsOfOnePlace: a channel with secrets of its own gets none of the environment's, which belong to others.
func TestSecretsOfOnePlace(t *testing.T) {
	t.Parallel()
	settings, err := config.Load([]string{"AWS_ACCESS_KEY_ID=" + random, "AWS_SECRET_ACCESS_KEY=changeme", "AWS_SESSION_TOKEN=" + random})
	if err != nil {
		t.Fatal(err)
	}
	a := &App{Config: settings, Log: zap.NewNop()}
	own := channel.Channel{Provider: "ses", Secrets: map[string]string{"access_key_id": random, "secret_access_key": random}}
	if refused := a.providers().Refused(own); refused != nil {
		t.Errorf("refused as %q", refused)
	}
	key, err := a.accessKey().Retrieve(t.Context())
	if err != nil || key.AccessKeyID != random || key.SecretAccessKey != "changeme" || key.SessionToken != random {
		t.Errorf("%v, %v", key, err)
	}
	if quiet("development").accessKey() != nil {
		t.Error("a key of nobody")
	}
}

// TestUnrealCredentials stop a worker in production. The API starts, so that somebody can mend them, and says so.
func TestUnrealCredentials(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	c.SlackBotToken = "xoxb-changeme-" + random
	outlet(t, c, "slack")
	c.Environment = "production"
	const want = "channel chat: SLACK_BOT_TOKEN is a placeholder: give a real one, or switch it off"
	if _, err := New(t.Context(), c, zap.NewNop(), Worker); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), random) {
		t.Errorf("a worker: %v", err)
	}
	core, logs := observer.New(zap.ErrorLevel)
	api, err := New(t.Context(), c, zap.New(core), API)
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Close(); err != nil {
		t.Error(err)
	}
	if entries := logs.FilterMessage("channels cannot send").All(); len(entries) != 1 || !strings.Contains(entries[0].ContextMap()["error"].(string), want) { //nolint:forcetypeassert // an error's text
		t.Errorf("the API said %v", logs.All())
	}
}

// TestSchemes of what settings may refer to are known where references are refused.
func TestSchemes(t *testing.T) {
	t.Parallel()
	for scheme := range secret.Resolvers(nil) {
		if !credential.Reference(scheme + "://a") {
			t.Errorf("%s is not known", scheme)
		}
	}
}
