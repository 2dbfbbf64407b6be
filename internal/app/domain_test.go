package app

import (
	"testing"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/dnstest"
)

// TestCheckDomainAsksSES, here its stand-in, whose keys are looked for.
func TestCheckDomainAsksSES(t *testing.T) { //nolint:paralleltest // the environment is the AWS SDK's
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL_SESV2", s.SESEndpoint())
	zone := dnstest.Zone{}
	for _, token := range []string{"tokenone", "tokentwo", "tokenthree"} {
		zone[token+"._domainkey.example.org"] = dnstest.Answer{CNAME: "key"}
	}
	zone["key"] = dnstest.Answer{TXT: []string{"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}}
	c := &config.Config{AWSAccessKeyID: "an-id-of-no-account", AWSSecretAccessKey: "a-secret-of-no-account", AllowPrivate: true}
	r, err := CheckDomain(t.Context(), c, DomainQuestion{Domain: "example.org", Server: dnstest.Serve(t, zone), SES: true})
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]int{}
	for _, f := range r.Findings {
		if f.Level == domaincheck.OK {
			good[f.Check]++
		}
	}
	if good["ses"] != 1 || good["dkim"] != 3 {
		t.Errorf("%+v", r.Findings)
	}
}
