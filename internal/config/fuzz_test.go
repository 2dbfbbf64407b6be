package config

import (
	"strings"
	"testing"
)

// FuzzLoad gives one setting any value: it is taken, or refused by its name.
func FuzzLoad(f *testing.F) {
	names := []string{"ENVIRONMENT", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "PRESSWORK_API_KEY", "PUBLIC_URL", "PRESSWORK_CORS_ORIGINS",
		"PRESSWORK_TRUSTED_PROXIES", "PRESSWORK_QUEUES", "PRESSWORK_POOLS", "PRESSWORK_JWKS_URL", "PRESSWORK_JWT_ISSUER", "PRESSWORK_RATE_ADDRESS", "PRESSWORK_BREAKER_OPEN",
		"PRESSWORK_AUDIT_KEPT", "PRESSWORK_LISTEN", "PRESSWORK_SES_EVENTS_TOPICS", "PRESSWORK_SES_EVENTS_QUEUE_URL", "PRESSWORK_LOG_LEVEL", "SMTP_URL",
		"PRESSWORK_ALLOWED_NETWORKS", "PRESSWORK_CONTENT_ELEMENTS"}
	for i, value := range []string{"production", "postgres://u:p@h/n", "redis://h:6379/0", strings.Repeat("k", 40), "a,b", "short", "https://news.example", "https://a.example,http://b.example:8080",
		"10.0.0.0/8,2001:db8::1", "email=6,slack=2", "mail:0-20=email;fast:1-4=critical", "https://b.example/jwks.json", "issuer", "100", "60s", "9600h", ":8080",
		"arn:aws:sns:eu-central-1:123456789012:t", "https://sqs.eu-central-1.amazonaws.com/1/q", "debug", "smtp://u:p@h:25", "fd00::1/8", "h4, div"} {
		f.Add(uint8(i), value)
	}
	for _, value := range []string{"", "*", "null", "https://*.example", "https://u:p@h", "http://[::1]:80", "-1", "1e9", "9999999999999h", "::", "0.0.0.0/0", "::ffff:1.2.3.4/100", "=", "email=-1", "\x00", "\xff", "%zz"} {
		for i := range names {
			f.Add(uint8(i), value)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		name := names[int(which)%len(names)]
		environ := []string{"ENVIRONMENT=development", "DATABASE_URL=postgres://h/n", "REDIS_URL=redis://h:6379/0", "SECRET_KEY=" + strings.Repeat("s", 40),
			"PRESSWORK_API_KEY=" + strings.Repeat("a", 40), "PUBLIC_URL=https://news.example", "PRESSWORK_JWT_AUDIENCE=x", name + "=" + value}
		c, err := Load(environ, API, Worker)
		if err != nil {
			if !strings.Contains(err.Error(), "_") { // as every name of a setting has
				t.Errorf("%s=%q: %v names no setting", name, value, err)
			}
			return
		}
		for _, origin := range c.CORSOrigins {
			if strings.ContainsAny(origin, "*@, ") || strings.Count(origin, "/") != 2 {
				t.Errorf("the origin %q is taken", origin)
			}
		}
		for _, p := range c.Proxies {
			if p.Bits() < 1 || p != p.Masked() {
				t.Errorf("the proxies %v are believed", p)
			}
		}
	})
}
