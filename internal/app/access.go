package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/bearer"
	"github.com/presswork/presswork/internal/telemetry"
)

// access is who gets in, and the record of who did not: one of each in a process, for both of its listeners.
type access struct {
	keys      *auth.Keys
	failures  *auth.Failures
	addresses *auth.Addresses // nil: a process without SECRET_KEY, which records no addresses
	counts    *prometheus.CounterVec
}

// addAccess adds what both listeners need.
func (a *App) addAccess() error {
	a.access = &access{keys: auth.NewKeys(a.db), failures: auth.NewFailures(a.db), counts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "presswork_authentication_failures_total", Help: "Credentials that were not accepted, by reason.",
	}, []string{"reason"})}
	for _, reason := range auth.Reasons() {
		a.access.counts.WithLabelValues(string(reason)) // from the start, so that the first one shows as an increase
	}
	if a.Config.SecretKey != "" {
		addresses, err := auth.NewAddresses([]byte(a.Config.SecretKey))
		if err != nil {
			return err
		}
		a.access.addresses = addresses
	}
	a.add(background("times of last use", func(ctx context.Context) {
		a.access.keys.Run(ctx, func(err error) { a.Log.Warn("times of last use not written", zap.Error(err)) })
	}))
	a.add(background("record of failed authentications", func(ctx context.Context) {
		a.access.failures.Run(ctx, func(err error) { a.Log.Warn("failed authentications not recorded", zap.Error(err)) })
	}))
	return a.Metrics.Register(a.access.counts)
}

// refused counts a credential that was not accepted, and has it recorded. Who showed none may be anybody's crawler: that is
// counted only.
func (a *access) refused(ctx context.Context, r auth.Refusal, network string) {
	a.counts.WithLabelValues(string(r.Reason)).Inc()
	if r.Reason == auth.Missing {
		return
	}
	a.failures.Note(auth.Failure{
		Reason: r.Reason, Credential: r.Credential, Address: a.addresses.Hash(network), CorrelationID: telemetry.Correlation(ctx),
	})
}

// opsGate lets people and machines in to the operators' listener: by the admin key or an API key.
func (a *App) opsGate() *auth.Gate { return auth.NewGate(a.Config.APIKey, a.access.keys, nil) }

// apiGate lets in by the admin key, an API key and, if an issuer is set, by its tokens.
func (a *App) apiGate() (*auth.Gate, error) {
	if a.Config.JWTIssuer == "" {
		return auth.NewGate(a.Config.APIKey, a.access.keys, nil), nil
	}
	o := bearer.Options{
		Issuer: a.Config.JWTIssuer, Audience: a.Config.JWTAudience, Secrets: append([][]byte{[]byte(a.Config.SecretKey)}, a.previous()...),
		Skew: a.Config.JWTSkew, MaxLifetime: a.Config.JWTMaxLifetime, RolesClaim: a.Config.JWTRolesClaim,
	}
	if a.Config.JWKSURL != "" {
		set, err := a.addKeySet()
		if err != nil {
			return nil, err
		}
		o.Keys = set
	}
	tokens, err := bearer.New(o)
	if err != nil {
		return nil, fmt.Errorf("PRESSWORK_JWT_ISSUER: %w", err)
	}
	return auth.NewGate(a.Config.APIKey, a.access.keys, tokens), nil
}

// addKeySet adds the issuer's keys. The process starts without them: its issuer may start later, and the keys of the API
// work.
func (a *App) addKeySet() (*bearer.KeySet, error) {
	set := bearer.NewKeySet(a.Config.JWKSURL, a.Config.JWKSMaxStale, a.Log)
	a.add(background("keys of the tokens' issuer", set.Run))
	return set, errors.Join(
		a.Metrics.Gauge("presswork_issuer_keys_age_seconds", "Since when the keys of the tokens' issuer are known; -1: they are not.",
			func() float64 { age, _ := set.Age(); return max(age.Seconds(), -1) }),
		a.Metrics.Gauge("presswork_issuer_fetch_failures", "Fetches of the tokens' issuer's keys that failed in a row.",
			func() float64 { _, n := set.Age(); return float64(n) }),
	)
}
