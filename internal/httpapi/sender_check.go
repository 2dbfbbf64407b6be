package httpapi

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/tally"
)

// SenderChecks finds out whether receivers can tell that mail of a domain is its own, and keeps it.
type SenderChecks struct {
	// Ask finds it out; what cannot be found out is in the report.
	Ask   func(ctx context.Context, domain string) domaincheck.Report
	Store SenderCheckStore
}

// SenderCheckStore keeps what was found out.
type SenderCheckStore interface {
	NoteSenderCheck(ctx context.Context, uid ident.UID, r domaincheck.Report) error
	SenderCheck(ctx context.Context, uid ident.UID, domain string) (domaincheck.Report, error)
	// ListFailingSenders is at most limit senders whose mail receivers refuse, with ids above after.
	ListFailingSenders(ctx context.Context, after int64, limit int) ([]domaincheck.Sender, error)
	TotalFailingSenders(ctx context.Context) (tally.Total, error)
}

// sender is the id of a request, and the domain of that sender's address.
func (h senders) sender(c *gin.Context) (ident.UID, string, error) {
	uid, err := pathID(c)
	if err != nil {
		return uid, "", err
	}
	i, err := h.store.Sender(c.Request.Context(), uid)
	_, domain, _ := strings.Cut(i.FromEmail, "@")
	return uid, domain, err
}

// verify asks the DNS, and SES if mail goes by it, and keeps what they said. It stops nobody from sending.
func (h senders) verify(c *gin.Context) error {
	uid, domain, err := h.sender(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	r := h.checks.Ask(ctx, domain)
	if err := h.checks.Store.NoteSenderCheck(ctx, uid, r); err != nil {
		return err
	}
	return found(c, 0, showDomainReport(r))
}

func (h senders) verification(c *gin.Context) error {
	uid, domain, err := h.sender(c)
	if err != nil {
		return err
	}
	r, err := h.checks.Store.SenderCheck(c.Request.Context(), uid, domain)
	if err != nil {
		return err
	}
	return shownWhole(c, showDomainReport(r))
}

// failing are the senders whose mail receivers refuse, with what to do.
func (h senders) failing(c *gin.Context) error {
	p, err := readPage(c, "failing senders")
	if err != nil {
		return err
	}
	rows, err := h.checks.Store.ListFailingSenders(c.Request.Context(), p.After, p.Limit+1)
	if err != nil {
		return err
	}
	if err := p.count(c, h.checks.Store.TotalFailingSenders); err != nil {
		return err
	}
	return answerPage(c, "failing senders", p, rows, func(s domaincheck.Sender) int64 { return int64(s.ID) }, showFailingSender)
}

func showFailingSender(s domaincheck.Sender) wire.FailingSender {
	return wire.FailingSender{ID: s.UID, Name: s.Name, FromEmail: s.Email, Verification: showDomainReport(s.Report)}
}

func showDomainReport(r domaincheck.Report) wire.DomainReport {
	body := wire.DomainReport{Domain: r.Domain, Level: wire.DomainReportLevel(r.Worst()), CheckedAt: r.At.UTC(), Findings: []wire.DomainFinding{}}
	for _, f := range r.Findings {
		one := wire.DomainFinding{Check: wire.DomainFindingCheck(f.Check), Level: wire.DomainFindingLevel(f.Level), Code: f.Code, Detail: f.Detail,
			Advice: f.Advice, Publish: []wire.DomainRecord{}}
		for _, p := range f.Publish {
			one.Publish = append(one.Publish, wire.DomainRecord{Name: p.Name, Type: p.Type, Value: p.Value})
		}
		body.Findings = append(body.Findings, one)
	}
	return body
}
