package app

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/idna"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/provider/ses"
)

// domainTime bounds all questions about a domain.
const domainTime = 30 * time.Second

// DomainQuestion is what is to be found out about a domain.
type DomainQuestion struct {
	Domain    string
	Selectors []string
	Relays    []string
	// Server is a name server to ask, HOST:PORT; empty: those of the machine.
	Server string
	// SES says to ask SES as well, with the credentials and in the region that the AWS SDK finds.
	SES bool
}

// CheckDomain finds out whether receivers can tell that mail from a domain is its own.
func CheckDomain(ctx context.Context, c *config.Config, q DomainQuestion) (domaincheck.Report, error) {
	domain, err := idna.Lookup.ToASCII(strings.ToLower(strings.TrimSuffix(strings.TrimSpace(q.Domain), ".")))
	if err != nil || !strings.Contains(domain, ".") {
		return domaincheck.Report{}, fmt.Errorf("%q is no domain", q.Domain)
	}
	ctx, cancel := context.WithTimeout(ctx, domainTime)
	defer cancel()
	o := domaincheck.Options{Selectors: q.Selectors, Relays: q.Relays}
	if q.SES {
		one := channel.Channel{Kind: channel.Email, Provider: ses.Name, Secrets: map[string]string{}}
		if c.AWSAccessKeyID != "" {
			one.Secrets = map[string]string{"access_key_id": c.AWSAccessKeyID, "secret_access_key": c.AWSSecretAccessKey, "session_token": c.AWSSessionToken}
		}
		a := &App{Config: c}
		if o.Identity, err = ses.Domain(ctx, ses.Options{Network: a.network()}, one, domain); err != nil {
			return domaincheck.Report{}, err
		}
	}
	return domaincheck.Run(ctx, resolver(q.Server), domain, o), nil
}

// resolver asks a server, or those of the machine.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

// senderDomain finds out about the domain of a sender, with what SES knows if an enabled channel sends by it. What SES does
// not say is left out: its answer is one of several.
func (a *App) senderDomain(channels *postgres.Channels) func(ctx context.Context, domain string) domaincheck.Report {
	return func(ctx context.Context, domain string) domaincheck.Report {
		ctx, cancel := context.WithTimeout(ctx, domainTime)
		defer cancel()
		var o domaincheck.Options
		list, err := channels.ListChannels(ctx, 0, 100)
		by := slices.IndexFunc(list, func(c channel.Channel) bool { return c.Enabled && c.Provider == ses.Name })
		if err == nil && by >= 0 {
			o.Identity, err = ses.Domain(ctx, ses.Options{Network: a.network()}, list[by], domain)
		}
		if err != nil {
			o.Identity = nil
			a.Log.Warn("SES was not asked about a sender's domain", zap.Error(err))
		}
		return domaincheck.Run(ctx, net.DefaultResolver, domain, o)
	}
}
