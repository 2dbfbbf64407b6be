package config

import (
	"net"
	"net/url"
	"time"
)

// tokens checks whose tokens are taken.
func (p *problems) tokens(c *Config) {
	p.url("PRESSWORK_JWKS_URL", c.JWKSURL, "http", "https")
	if c.JWTIssuer != "" && c.JWTAudience == "" {
		p.add("PRESSWORK_JWT_AUDIENCE is required with PRESSWORK_JWT_ISSUER")
	}
	if c.JWTIssuer == "" && (c.JWTAudience != "" || c.JWKSURL != "") {
		p.add("PRESSWORK_JWT_ISSUER is required with PRESSWORK_JWT_AUDIENCE and PRESSWORK_JWKS_URL")
	}
	if u, err := url.Parse(c.JWKSURL); err == nil && u.Scheme == "http" && c.Production() && !loopback(u.Hostname()) {
		// Whoever answers in the issuer's place makes tokens for every role.
		p.add("PRESSWORK_JWKS_URL must begin with https:// in production")
	}
	if c.JWTRolesClaim == "" {
		p.add("PRESSWORK_JWT_ROLES_CLAIM must not be empty")
	}
	if (c.JWTSkew < time.Second || c.JWTSkew > time.Minute) && !p.has("PRESSWORK_JWT_CLOCK_SKEW") {
		p.add("PRESSWORK_JWT_CLOCK_SKEW must be from 1s to 60s")
	}
	if c.JWKSMaxStale < time.Minute && !p.has("PRESSWORK_JWKS_MAX_STALE") {
		p.add("PRESSWORK_JWKS_MAX_STALE must be at least 1m")
	}
	if c.JWTMaxLifetime < 0 {
		p.add("PRESSWORK_JWT_MAX_LIFETIME must not be negative")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
