package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestSenderVerification is kept as long as the sender's address is of the domain that was looked at.
func TestSenderVerification(t *testing.T) {
	t.Parallel()
	var asked []string
	a := newAPI(t, func(d *Deps) {
		d.SenderChecks.Store = d.Topics.(SenderCheckStore) //nolint:forcetypeassert // a DB
		d.SenderChecks.Ask = func(_ context.Context, domain string) domaincheck.Report {
			asked = append(asked, domain)
			level := domaincheck.OK
			if domain == "news.example.com" {
				level = domaincheck.Failure
			}
			return domaincheck.Report{Domain: domain, At: time.Unix(1_900_000_000, 0), Findings: []domaincheck.Finding{{Check: "spf", Level: level, Code: "none",
				Detail: "There is none.", Advice: "Publish one.", Publish: []domaincheck.Record{{Name: domain, Type: "TXT", Value: "v=spf1 ~all"}}}}}
		}
	})
	failing := func(want int64) {
		t.Helper()
		if n, err := a.db.FailingSenders(t.Context()); err != nil || n != want {
			t.Errorf("%d senders fail, %v; want %d", n, err, want)
		}
		list := read[wire.FailingSenderPage](a.do(http.MethodGet, "/api/v1/senders/failing?total=true", nil).want(http.StatusOK))
		if int64(len(list.Items)) != want || list.Total == nil || *list.Total != want {
			t.Errorf("%+v, want %d", list, want)
		}
		for _, s := range list.Items {
			if s.Name != "Desk" || s.FromEmail != "desk@news.example.com" || s.Verification.Domain != "news.example.com" || s.Verification.Findings[0].Advice != "Publish one." {
				t.Errorf("%+v", s)
			}
		}
	}
	const body = `{"name":"Desk","from_name":"Desk","from_email":"desk@news.example.com","postal_address":"1 Main Street"}`
	where := a.do(http.MethodPost, "/api/v1/senders", body).want(http.StatusCreated).Header.Get("Location")
	a.do(http.MethodGet, where+"/verification", nil).want(http.StatusNotFound)
	failing(0)
	made := a.do(http.MethodPost, where+"/verify", nil).want(http.StatusOK)
	r := read[wire.DomainReport](made)
	if r.Domain != "news.example.com" || r.Level != "failure" || len(r.Findings) != 1 || len(r.Findings[0].Publish) != 1 || r.Findings[0].Publish[0].Value != "v=spf1 ~all" {
		t.Errorf("%+v", r)
	}
	kept := a.do(http.MethodGet, where+"/verification", nil).want(http.StatusOK)
	if kept.Body != made.Body {
		t.Errorf("kept %s of %s", kept.Body, made.Body)
	}
	a.do(http.MethodGet, where+"/verification", nil, "If-None-Match: "+kept.Header.Get("ETag")).want(http.StatusNotModified)
	failing(1)
	a.do(http.MethodPut, where, `{"name":"Desk","from_name":"Desk","from_email":"desk@bücher.example","postal_address":"1 Main Street"}`, "If-Match: *").want(http.StatusOK)
	a.do(http.MethodGet, where+"/verification", nil).want(http.StatusNotFound)
	failing(0)
	a.do(http.MethodPost, where+"/verify", nil).want(http.StatusOK)
	a.do(http.MethodGet, where+"/verification", nil).want(http.StatusOK)
	if len(asked) != 2 || asked[0] != "news.example.com" || asked[1] != "xn--bcher-kva.example" {
		t.Errorf("asked for %q", asked)
	}
	a.do(http.MethodPost, "/api/v1/senders/01985a1e-7c00-7000-8000-0000000000ff/verify", nil).want(http.StatusNotFound)
	a.do(http.MethodDelete, where, nil).want(http.StatusNoContent)
}
