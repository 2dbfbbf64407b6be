package config

import (
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	both := "PRESSWORK_JWT_ISSUER=https://i.example.org PRESSWORK_JWT_AUDIENCE=presswork "
	for environ, want := range map[string]string{
		"": "", both: "", both + "PRESSWORK_JWKS_URL=http://backend:8080/jwks": "",
		both + "PRESSWORK_JWKS_URL=http://backend/jwks ENVIRONMENT=production":     "PRESSWORK_JWKS_URL must begin with https://",
		both + "PRESSWORK_JWKS_URL=https://backend/jwks ENVIRONMENT=production":    "",
		both + "PRESSWORK_JWKS_URL=http://127.0.0.1:8/jwks ENVIRONMENT=production": "",
		both + "PRESSWORK_JWKS_URL=http://[::1]:8/jwks ENVIRONMENT=production":     "",
		both + "PRESSWORK_JWKS_URL=http://localhost/jwks ENVIRONMENT=production":   "",
		both + "PRESSWORK_JWKS_URL=http://localhost.x/jwks ENVIRONMENT=production": "PRESSWORK_JWKS_URL must begin",
		both + "PRESSWORK_JWKS_URL=ftp://backend/jwks":                             "PRESSWORK_JWKS_URL must begin",
		"PRESSWORK_JWT_ISSUER=i":                  "PRESSWORK_JWT_AUDIENCE is required",
		"PRESSWORK_JWT_AUDIENCE=a":                "PRESSWORK_JWT_ISSUER is required",
		"PRESSWORK_JWKS_URL=https://backend/jwks": "PRESSWORK_JWT_ISSUER is required",
		both + "PRESSWORK_JWT_CLOCK_SKEW=61s":     "PRESSWORK_JWT_CLOCK_SKEW must be from",
		both + "PRESSWORK_JWT_CLOCK_SKEW=0s":      "PRESSWORK_JWT_CLOCK_SKEW must be from",
		both + "PRESSWORK_JWT_CLOCK_SKEW=x":       "PRESSWORK_JWT_CLOCK_SKEW must be a duration",
		both + "PRESSWORK_JWT_CLOCK_SKEW=60s":     "",
		both + "PRESSWORK_JWT_MAX_LIFETIME=-1s":   "PRESSWORK_JWT_MAX_LIFETIME must not",
		both + "PRESSWORK_JWKS_MAX_STALE=59s":     "PRESSWORK_JWKS_MAX_STALE must be at least",
	} {
		_, err := Load(strings.Fields(environ))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", environ, err, want)
		}
	}
	c, err := Load(nil)
	if err != nil || c.JWTRolesClaim != "roles" || c.JWTSkew != 30*time.Second || c.JWKSMaxStale != 24*time.Hour || c.JWTMaxLifetime != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
