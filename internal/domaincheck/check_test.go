package domaincheck_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/domaincheck"
	"github.com/presswork/presswork/internal/testkit/dnstest"
)

// asking is a resolver that asks a server of this zone, by UDP and, for what is long, by TCP.
func asking(t *testing.T, zone dnstest.Zone) *net.Resolver {
	t.Helper()
	server := dnstest.Serve(t, zone)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

func rsaKey(t *testing.T, bits int) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits) //nolint:gosec // weak ones are what is to be found
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(public)
}

// codes are the findings of a check, as "level code".
func codes(r domaincheck.Report, check string) string {
	var list []string
	for _, f := range r.Findings {
		if f.Check == check {
			list = append(list, string(f.Level)+" "+f.Code)
		}
	}
	return strings.Join(list, ", ")
}

func run(t *testing.T, zone dnstest.Zone, o domaincheck.Options) domaincheck.Report {
	t.Helper()
	return domaincheck.Run(t.Context(), asking(t, zone), "example.org", o)
}

func txt(list ...string) dnstest.Answer { return dnstest.Answer{TXT: list} }

func TestSPF(t *testing.T) {
	t.Parallel()
	chain := dnstest.Zone{}
	for i := range 14 {
		chain[fmt.Sprintf("s%d.example.net", i)] = txt(fmt.Sprintf("v=spf1 include:s%d.example.net ~all", i+1))
	}
	for name, c := range map[string]struct {
		zone   dnstest.Zone
		relays []string
		want   string
	}{
		"none":               {dnstest.Zone{"example.org": txt("google-site-verification=x")}, nil, "failure none"},
		"no such name":       {dnstest.Zone{}, nil, "failure none"},
		"good":               {dnstest.Zone{"example.org": txt("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::1 a mx -all", "other")}, nil, "ok found"},
		"soft":               {dnstest.Zone{"example.org": txt("V=SPF1 a:mail.example.org/28 ~ALL")}, nil, "ok found"},
		"two":                {dnstest.Zone{"example.org": txt("v=spf1 -all", "v=spf1 a ~all")}, nil, "failure several"},
		"open":               {dnstest.Zone{"example.org": txt("v=spf1 a +all")}, nil, "failure open"},
		"open without sign":  {dnstest.Zone{"example.org": txt("v=spf1 all")}, nil, "failure open"},
		"neutral":            {dnstest.Zone{"example.org": txt("v=spf1 a ?all")}, nil, "warning neutral"},
		"no end":             {dnstest.Zone{"example.org": txt("v=spf1 a")}, nil, "warning neutral"},
		"syntax":             {dnstest.Zone{"example.org": txt("v=spf1 ip4:192.0.2.999 -all")}, nil, "failure syntax"},
		"ip6 as ip4":         {dnstest.Zone{"example.org": txt("v=spf1 ip4:2001:db8::1 -all")}, nil, "failure syntax"},
		"misspelt":           {dnstest.Zone{"example.org": txt("v=spf1 inlcude:x.example.net -all")}, nil, "failure syntax"},
		"modifiers":          {dnstest.Zone{"example.org": txt("v=spf1 a exp=why.example.org later=x -all")}, nil, "ok found"},
		"relay":              {dnstest.Zone{"example.org": txt("v=spf1 include:relay.example.net ~all"), "relay.example.net": txt("v=spf1 ip4:192.0.2.1 ~all")}, []string{"relay.example.net"}, "ok found"},
		"another relay":      {dnstest.Zone{"example.org": txt("v=spf1 a ~all")}, []string{"relay.example.net"}, "failure not_included"},
		"redirected":         {dnstest.Zone{"example.org": txt("v=spf1 redirect=spf.example.org"), "spf.example.org": txt("v=spf1 a -all")}, nil, "ok found"},
		"to nothing":         {dnstest.Zone{"example.org": txt("v=spf1 include:gone.example.net ~all")}, nil, "failure include_void"},
		"to itself":          {dnstest.Zone{"example.org": txt("v=spf1 include:example.org ~all")}, nil, "failure loop"},
		"in a circle":        {dnstest.Zone{"example.org": txt("v=spf1 include:a.example.net ~all"), "a.example.net": txt("v=spf1 redirect=example.org")}, nil, "failure loop"},
		"a macro":            {dnstest.Zone{"example.org": txt("v=spf1 include:%{i}.spf.example.net -all")}, nil, "ok found"},
		"ten":                {dnstest.Zone{"example.org": txt("v=spf1" + strings.Repeat(" a", 10) + " -all")}, nil, "ok found"},
		"eleven":             {dnstest.Zone{"example.org": txt("v=spf1" + strings.Repeat(" a", 11) + " -all")}, nil, "failure too_many_lookups"},
		"a long way":         {func() dnstest.Zone { chain["example.org"] = txt("v=spf1 include:s0.example.net -all"); return chain }(), nil, "failure too_many_lookups"},
		"huge, by TCP":       {dnstest.Zone{"example.org": txt("v=spf1"+strings.Repeat(" ip4:192.0.2.1", 300)+" -all", strings.Repeat("x", 9000))}, nil, "note long"},
		"another version":    {dnstest.Zone{"example.org": txt("v=spf10 a -all")}, nil, "failure none"},
		"servers fail":       {dnstest.Zone{"example.org": {Fails: true}}, nil, "unknown dns_failed"},
		"servers of a relay": {dnstest.Zone{"example.org": txt("v=spf1 include:r.example.net -all"), "r.example.net": {Fails: true}}, nil, "unknown dns_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c.zone, domaincheck.Options{Relays: c.relays})
			if got := codes(r, "spf"); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r.Findings)
			}
		})
	}
}

func TestDKIM(t *testing.T) {
	t.Parallel()
	good, short, weak := "v=DKIM1; k=rsa; p="+rsaKey(t, 2048), "p="+rsaKey(t, 1024), "v=DKIM1; p="+weakKey
	edward := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, ed25519.PublicKeySize))
	for name, c := range map[string]struct {
		answer dnstest.Answer
		want   string
	}{
		"good": {txt(good), "ok found"}, "ed25519": {txt(edward), "ok found"}, "short": {txt(short), "warning short"}, "weak": {txt(weak), "failure weak"},
		"elsewhere": {dnstest.Answer{CNAME: "key.example.net"}, "ok found"}, "dangling": {dnstest.Answer{CNAME: "gone.example.net"}, "failure none"},
		"none": {txt(), "failure none"}, "revoked": {txt("v=DKIM1; p="), "failure revoked"}, "two": {txt(good, good), "failure several"},
		"testing": {txt("t=y:s; " + good[len("v=DKIM1; "):]), "warning testing"}, "not base64": {txt("v=DKIM1; p=***"), "failure syntax"},
		"no key": {txt("v=DKIM1; p=AAAA"), "failure syntax"}, "version": {txt("v=DKIM2; p=AAAA"), "failure syntax"},
		"another kind": {txt("v=DKIM1; k=dsa; p=AAAA"), "failure syntax"}, "short ed25519": {txt("k=ed25519; p=AAAA"), "failure syntax"},
		"servers fail": {dnstest.Answer{Fails: true}, "unknown dns_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, dnstest.Zone{"s1._domainkey.example.org": c.answer, "key.example.net": txt(good)}, domaincheck.Options{Selectors: []string{"s1"}})
			if got := codes(r, "dkim"); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r.Findings)
			}
		})
	}
	if got := codes(run(t, nil, domaincheck.Options{}), "dkim"); got != "unknown no_selector" {
		t.Errorf("without a selector: %s", got)
	}
}

// weakKey is an RSA key of 512 bits, which the standard library does not make any more.
const weakKey = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL0i1aAXUfrWz5LVjlSz/V3Sf2WTb1EYUJa1vzAO4LwvnWc7nKBb0C1JQYlfWXnyWXBzOVbJTmQKNyGcRFUVq8UCAwEAAQ=="

func TestDMARC(t *testing.T) {
	t.Parallel()
	const at = "_dmarc.example.org"
	for name, c := range map[string]struct {
		zone dnstest.Zone
		want string
	}{
		"none":           {dnstest.Zone{}, "failure none"},
		"something else": {dnstest.Zone{at: txt("v=spf1 -all", "DMARC1; p=none")}, "failure none"},
		"strict":         {dnstest.Zone{at: txt("v=DMARC1; p=reject; rua=mailto:d@example.org")}, "ok found"},
		"watching":       {dnstest.Zone{at: txt("v=DMARC1; p=none; rua=mailto:d@mail.example.org")}, "note watching"},
		"no reports":     {dnstest.Zone{at: txt("v=DMARC1;p=quarantine")}, "ok found, note no_reports"},
		"a part":         {dnstest.Zone{at: txt("v=DMARC1; p=reject; pct=20; rua=mailto:d@example.org!10m")}, "note partial"},
		"no policy":      {dnstest.Zone{at: txt("v=DMARC1; rua=mailto:d@example.org")}, "failure syntax"},
		"two":            {dnstest.Zone{at: txt("v=DMARC1; p=none", "v=DMARC1; p=reject")}, "failure several"},
		"bad rua":        {dnstest.Zone{at: txt("v=DMARC1; p=reject; rua=d@example.org")}, "ok found, warning bad_rua"},
		"not agreed":     {dnstest.Zone{at: txt("v=DMARC1; p=reject; rua=mailto:d@reports.example.com")}, "ok found, warning rua_not_agreed"},
		"agreed":         {dnstest.Zone{at: txt("v=DMARC1; p=reject; rua=mailto:d@reports.example.com"), "example.org._report._dmarc.reports.example.com": txt("v=DMARC1")}, "ok found"},
		"servers fail":   {dnstest.Zone{at: {Fails: true}}, "unknown dns_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c.zone, domaincheck.Options{})
			if got := codes(r, "dmarc"); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r.Findings)
			}
		})
	}
	// A domain below the registered one goes by that one's record, and by what it says of those below.
	zone := dnstest.Zone{"_dmarc.example.co.uk": txt("v=DMARC1; p=reject; sp=none; rua=mailto:d@example.co.uk")}
	r := domaincheck.Run(t.Context(), asking(t, zone), "news.example.co.uk", domaincheck.Options{})
	if got := codes(r, "dmarc"); got != "note watching" {
		t.Errorf("below: %s", got)
	}
}

// TestStricterDMARC: the record to publish asks for what the policy that holds should ask for, and says everything else as it was.
func TestStricterDMARC(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		"v=DMARC1; p=none; rua=mailto:d@example.org":            "v=DMARC1; p=quarantine; rua=mailto:d@example.org",
		"v=DMARC1;P = None ; sp=none;rua=mailto:d@example.org":  "v=DMARC1;P = None ; sp=quarantine;rua=mailto:d@example.org",
		"v=DMARC1; sp=none; p=none; rua=mailto:d@example.org":   "v=DMARC1; sp=quarantine; p=none; rua=mailto:d@example.org",
		"v=DMARC1; p=reject; sp=none; rua=mailto:d@example.org": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.org",
		"v=DMARC1; p = None; rua=mailto:d@example.org":          "v=DMARC1; p=quarantine; rua=mailto:d@example.org",
		"v=DMARC1; p=none; sp=none; rua=mailto:d@example.org":   "v=DMARC1; p=none; sp=quarantine; rua=mailto:d@example.org",
	} {
		zone := dnstest.Zone{"_dmarc.example.org": txt(record)}
		r := domaincheck.Run(t.Context(), asking(t, zone), "news.example.org", domaincheck.Options{})
		at := slices.IndexFunc(r.Findings, func(f domaincheck.Finding) bool { return f.Code == "watching" })
		if at < 0 || len(r.Findings[at].Publish) != 1 || r.Findings[at].Publish[0].Value != want {
			t.Errorf("%s: %+v", record, r.Findings)
		}
	}
}

func TestMX(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer dnstest.Answer
		want   string
	}{
		"some": {dnstest.Answer{MX: []string{"mx1.example.org", "mx2.example.org"}}, "ok found"},
		"none": {txt("x"), "warning none"}, "servers fail": {dnstest.Answer{Fails: true}, "unknown dns_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := codes(run(t, dnstest.Zone{"example.org": c.answer}, domaincheck.Options{}), "mx"); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestSES(t *testing.T) {
	t.Parallel()
	full := domaincheck.Identity{Name: "example.org", Found: true, Verified: true, Region: "eu-west-1", DKIMStatus: "SUCCESS", Signing: true,
		Tokens: []string{"t1"}, MailFrom: "mail.example.org", MailFromStatus: "SUCCESS"}
	zone := dnstest.Zone{
		"_dmarc.example.org": txt("v=DMARC1; p=reject; rua=mailto:d@example.org"), "mail.example.org": txt("v=spf1 include:amazonses.com ~all"),
		"amazonses.com": txt("v=spf1 ip4:192.0.2.0/24 -all"), "t1._domainkey.example.org": {CNAME: "t1.dkim.amazonses.com"},
		"t1.dkim.amazonses.com": txt("p=" + rsaKey(t, 2048)), "example.org": {MX: []string{"mx.example.org"}},
	}
	for name, c := range map[string]struct {
		change           func(*domaincheck.Identity)
		ses, spf, dmarc  string
		worst            domaincheck.Level
		publishes, value string
	}{
		"all is well": {func(*domaincheck.Identity) {}, "ok verified, ok mail_from", "ok found", "ok found, ok aligned", domaincheck.OK, "", ""},
		"SES's envelope": {func(i *domaincheck.Identity) { i.MailFrom, i.MailFromStatus = "", "" }, "ok verified, note mail_from", "note none",
			"ok found, ok aligned_dkim", domaincheck.OK, "", ""},
		"not there": {func(i *domaincheck.Identity) { *i = domaincheck.Identity{Region: "eu-west-1"} }, "failure none", "note none", "ok found", domaincheck.Failure, "", ""},
		"pending": {func(i *domaincheck.Identity) { i.Verified, i.DKIMStatus = false, "PENDING" }, "failure not_verified, ok mail_from", "ok found",
			"ok found, warning aligned_spf", domaincheck.Failure, "t1._domainkey.example.org", "t1.dkim.amazonses.com"},
		"unsigned": {func(i *domaincheck.Identity) { i.Signing, i.MailFromStatus = false, "PENDING" }, "failure not_signed, warning mail_from_pending", "ok found",
			"ok found, failure not_aligned", domaincheck.Failure, "mail.example.org", "10 feedback-smtp.eu-west-1.amazonses.com"},
		"another's envelope": {func(i *domaincheck.Identity) { i.MailFrom, i.Signing = "amazonses.com", false }, "failure not_signed, ok mail_from", "failure not_included",
			"ok found, failure not_aligned", domaincheck.Failure, "amazonses.com", "v=spf1 ip4:192.0.2.0/24 include:amazonses.com -all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			identity := full
			c.change(&identity)
			r := run(t, zone, domaincheck.Options{Identity: &identity})
			if ses, spf, dmarc := codes(r, "ses"), codes(r, "spf"), codes(r, "dmarc"); ses != c.ses || spf != c.spf || dmarc != c.dmarc || r.Worst() != worstOf(c.worst, r) {
				t.Errorf("ses %s, spf %s, dmarc %s, %s", ses, spf, dmarc, r.Worst())
			}
			published := slices.ContainsFunc(r.Findings, func(f domaincheck.Finding) bool {
				return slices.ContainsFunc(f.Publish, func(p domaincheck.Record) bool { return p.Name == c.publishes && p.Value == c.value })
			})
			if c.publishes != "" && !published {
				t.Errorf("nothing says to publish %s %s: %+v", c.publishes, c.value, r.Findings)
			}
		})
	}
}

// worstOf is the wanted level, where no key was looked for.
func worstOf(want domaincheck.Level, r domaincheck.Report) domaincheck.Level {
	if want == domaincheck.OK && codes(r, "dkim") != "ok found" {
		return domaincheck.Unknown
	}
	return want
}

// TestSilence: servers that do not answer are no verdict on the domain.
func TestSilence(t *testing.T) {
	t.Parallel()
	zone := dnstest.Zone{"example.org": {Silent: true}, "_dmarc.example.org": {Silent: true}, "s._domainkey.example.org": {Silent: true}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := domaincheck.Run(ctx, asking(t, zone), "example.org", domaincheck.Options{Selectors: []string{"s"}})
	for _, check := range []string{"spf", "dkim", "dmarc", "mx"} {
		if got := codes(r, check); got != "unknown dns_failed" {
			t.Errorf("%s: %s", check, got)
		}
	}
	if r.Worst() != domaincheck.Unknown {
		t.Errorf("in all %s", r.Worst())
	}
}

// fuzzed is a resolver that answers the same to everything.
type fuzzed string

func (f fuzzed) LookupTXT(context.Context, string) ([]string, error) { return []string{string(f)}, nil }
func (fuzzed) LookupMX(context.Context, string) ([]*net.MX, error) {
	return []*net.MX{{Host: "."}}, nil
}

func FuzzRun(f *testing.F) {
	for _, seed := range []string{"v=spf1 include:a.example +a:b/24 redirect=c ~all", "v=DMARC1; p=none; sp=reject; rua=mailto:a@b.example!1m,x", "v=DKIM1; k=rsa; t=y:s; p=AAAA", "v=spf1", "v=spf1 -"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := domaincheck.Run(t.Context(), fuzzed(text), "news.example.org", domaincheck.Options{Selectors: []string{"s"}, Relays: []string{"relay.example"},
			Identity: &domaincheck.Identity{Found: true, MailFrom: "mail.example.org"}})
		if len(r.Findings) < 5 || len(r.Findings) > 100 || codes(r, "mx") != "warning null" {
			t.Fatalf("%d findings", len(r.Findings))
		}
		for _, one := range r.Findings {
			if one.Check == "" || one.Level == "" || one.Code == "" || one.Detail == "" || one.Level != domaincheck.OK && one.Advice == "" {
				t.Fatalf("%+v", one)
			}
		}
	})
}
