package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/testkit/dnstest"
)

// TestDomainCheck prints what was found with what to publish, and ends with a code that says how it is.
func TestDomainCheck(t *testing.T) {
	t.Parallel()
	txt := func(text string) dnstest.Answer { return dnstest.Answer{TXT: []string{text}} }
	server := dnstest.Serve(t, dnstest.Zone{
		"good.example": {TXT: []string{"v=spf1 a -all"}, MX: []string{"mx.good.example"}}, "_dmarc.good.example": txt("v=DMARC1; p=reject; rua=mailto:d@good.example"),
		"s._domainkey.good.example": txt("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
		"xn--bcher-kva.example":     {Fails: true}, "_dmarc.xn--bcher-kva.example": {Fails: true},
	})
	for line, want := range map[string]struct {
		code    int
		printed string
	}{
		"good.example --selector s":                         {0, "ok       dkim   There is a good DKIM key at s._domainkey.good.example."},
		"Good.Example. --selector s":                        {0, "ok       mx     Answers go to mx.good.example."},
		"good.example --selector s --json":                  {0, `"domain":"good.example"`},
		"good.example":                                      {2, "unknown  dkim   No DKIM key was looked for"},
		"bad.example --selector s":                          {1, "_dmarc.bad.example  TXT  v=DMARC1; p=none; rua=mailto:dmarc@bad.example"},
		"good.example --selector s --include relay.example": {1, "good.example  TXT  v=spf1 a include:relay.example -all"},
		"bücher.example --selector s":                       {1, "unknown  spf    The DNS did not say what xn--bcher-kva.example is: the name servers failed."},
		"localhost":                                         {2, ""},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			root := rootCommand()
			root.SetArgs(append(strings.Fields("domain check "+line), "--server", server))
			root.SetOut(&out)
			root.SetErr(io.Discard)
			err := root.ExecuteContext(t.Context())
			code := 0
			var coded interface{ ExitCode() int }
			if errors.As(err, &coded) {
				code = coded.ExitCode()
			} else if err != nil {
				code = 1
			}
			if code != want.code || !strings.Contains(out.String(), want.printed) {
				t.Errorf("%v, printed %q", err, out.String())
			}
		})
	}
}
