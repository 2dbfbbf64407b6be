// Package domaincheck finds out whether receivers can tell that mail from a domain is its own: by SPF (RFC 7208), DKIM
// (RFC 6376), DMARC (RFC 7489), MX, and what Amazon SES knows of it. It asks a resolver and sends nothing. Every finding says
// what to do, with the record to publish where there is one.
package domaincheck

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// Resolver asks the DNS, as *net.Resolver does. TXT records come with their strings joined.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

// Level of a finding.
type Level string

// The levels, the worst last.
const (
	OK Level = "ok"
	// Note could be better, and does no harm.
	Note Level = "note"
	// Warning will cost some mail.
	Warning Level = "warning"
	// Failure: receivers refuse such mail, or take it for spam.
	Failure Level = "failure"
	// Unknown: it could not be found out. It says nothing of the domain.
	Unknown Level = "unknown"
)

// Record is one to publish in the DNS.
type Record struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Finding is what was found out about one thing.
type Finding struct {
	// Check is what it is about: spf, dkim, dmarc, mx or ses.
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Code is a stable word.
	Code string `json:"code"`
	// Detail is for people; Advice what to do, empty if nothing is to be done.
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
	// Publish are records that would help, as far as they can be told.
	Publish []Record `json:"publish,omitempty"`
}

// Report is all that was found out about a domain.
type Report struct {
	Domain   string    `json:"domain"`
	At       time.Time `json:"at"`
	Findings []Finding `json:"findings"`
}

// Sender is who mail is from, and what was last found out about the domain of their address.
type Sender struct {
	ID  int32
	UID ident.UID
	// Name is for operators, Email the address in the From header.
	Name, Email string
	Report
}

// Worst is the level of the report: Failure or Warning if something is wrong, else Unknown if something could not be found
// out, else OK.
func (r Report) Worst() Level {
	worst := OK
	for _, f := range r.Findings {
		if rank(f.Level) > rank(worst) {
			worst = f.Level
		}
	}
	return worst
}

func rank(l Level) int {
	return map[Level]int{Unknown: 1, Warning: 2, Failure: 3}[l]
}

// Options say what is known of the mail. All may be empty.
type Options struct {
	// Selectors are those of DKIM keys to look for, besides those that SES has.
	Selectors []string
	// Relays are names that the SPF record should include, as of an SMTP relay.
	Relays []string
	// Identity is what SES knows of the domain; nil: nobody asked.
	Identity *Identity
}

// Identity is what SES knows of a domain.
type Identity struct {
	// Name is the identity's: the domain, or one above it, which holds for it as well.
	Name string
	// Found says that there is one; Verified that mail may be sent from it.
	Found, Verified bool
	// Region is where it is.
	Region string
	// DKIMStatus is SES's word: SUCCESS, PENDING, FAILED, TEMPORARY_FAILURE, NOT_STARTED. Signing says that mail is signed.
	DKIMStatus string
	Signing    bool
	// Tokens are the selectors of Easy DKIM: CNAMEs to SES.
	Tokens []string
	// MailFrom is the domain of the envelope; empty: SES's own. MailFromStatus is SES's word of it.
	MailFrom, MailFromStatus string
}

// cnames are the records of Easy DKIM.
func (i *Identity) cnames() []Record {
	var list []Record
	for _, token := range i.Tokens {
		list = append(list, Record{token + "._domainkey." + i.Name, "CNAME", token + ".dkim.amazonses.com"})
	}
	return list
}

// check is one run.
type check struct {
	context.Context //nolint:containedctx // a run is no longer than its context
	resolver        Resolver
	domain          string
	options         Options
	findings        []Finding
}

// Run finds out about a domain, which is in lower case and ASCII. It ends with ctx; what was not answered by then is Unknown.
func Run(ctx context.Context, r Resolver, domain string, o Options) Report {
	c := &check{Context: ctx, resolver: r, domain: domain, options: o}
	c.ses()
	c.spf()
	c.dkim()
	c.dmarc()
	c.mx()
	return Report{Domain: domain, At: time.Now().UTC(), Findings: c.findings}
}

func (c *check) add(f Finding) { c.findings = append(c.findings, f) }

// txt is a name's TXT records, none if there are none. An error is a finding already.
func (c *check) txt(about, name string) ([]string, bool) {
	list, err := c.resolver.LookupTXT(c, name)
	return list, c.answered(about, name, err)
}

// answered reports whether the DNS has answered, be it that there is nothing.
func (c *check) answered(about, name string, err error) bool {
	if err == nil || nothing(err) {
		return true
	}
	why := "the name servers failed"
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsTimeout || errors.Is(err, context.DeadlineExceeded) {
		why = "there was no answer in time"
	}
	c.add(Finding{Check: about, Level: Unknown, Code: "dns_failed", Detail: "The DNS did not say what " + name + " is: " + why + ".",
		Advice: "Try again. If it stays so, receivers cannot find out either: look at the domain's name servers."})
	return false
}

func nothing(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
