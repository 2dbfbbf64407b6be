package webhook_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/webhook"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func endpoint() webhook.Endpoint {
	return webhook.Endpoint{URL: "https://crm.example.org/in", Secrets: webhook.Secrets{Current: webhook.NewSecret()}}
}

func TestSecretsThatAreMade(t *testing.T) {
	t.Parallel()
	a, b := webhook.NewSecret(), webhook.NewSecret()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(a, "whsec_"))
	if err != nil || len(raw) != 32 || a == b || webhook.CheckSecret(a) != nil {
		t.Errorf("%q: %v", a, err)
	}
}

func TestCheckSecret(t *testing.T) {
	t.Parallel()
	of := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s3cret", 20)[:n]))
	}
	for text, good := range map[string]bool{
		of(24): true, of(64): true, of(23): false, of(65): false, "": false, "whsec_": false, strings.TrimPrefix(of(32), "whsec_"): false,
		of(32) + "\n": false, of(32)[:12] + "\n" + of(32)[12:]: false, of(32) + "=": false, "whsec_%hidden%": false,
		"whsec_changeme" + of(32)[6:38]: false,
	} {
		err := webhook.CheckSecret(text)
		if (err == nil) != good || err != nil && len(text) > 6 && strings.Contains(err.Error(), text[6:]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestRotation: whatever is rotated when, the newest secret signs, and each older one for as long as the least that anybody has
// given it.
func TestRotation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := webhook.Secrets{Current: webhook.NewSecret()}
		ends := map[string]time.Time{} // of those before
		now := noon
		for range rapid.IntRange(1, 12).Draw(t, "rotations") {
			overlap := rapid.SampledFrom([]time.Duration{0, time.Hour, day, 7 * day}).Draw(t, "overlap")
			next := webhook.NewSecret()
			rotated, err := s.Rotate(next, overlap, now)
			if err != nil {
				if !errors.Is(err, webhook.ErrManySecrets) || len(s.Signing(now)) <= webhook.MaxPrevious {
					t.Fatalf("%v with %d", err, len(s.Signing(now)))
				}
			} else {
				ends[s.Current] = now.Add(overlap)
				for secret, end := range ends {
					if end.After(now.Add(overlap)) {
						ends[secret] = now.Add(overlap)
					}
				}
				s = rotated
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*day)).Draw(t, "later")))
			sealed, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if s, err = webhook.ParseSecrets(sealed); err != nil {
				t.Fatal(err)
			}
			signing := s.Signing(now)
			if signing[0] != s.Current {
				t.Fatal("the newest is not the first")
			}
			for secret, end := range ends {
				if slices.Contains(signing, secret) != end.After(now) {
					t.Fatalf("one that ends at %v, at %v: %t", end, now, slices.Contains(signing, secret))
				}
			}
		}
	})
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	e := endpoint()
	if e.IsVerified() {
		t.Error("verified by nothing")
	}
	e.MarkVerified(noon)
	moved, other, lost := e, e, e
	moved.URL += "?x"
	other.Secrets.Current = webhook.NewSecret()
	lost.Unreadable, lost.Secrets = true, webhook.Secrets{}
	if !e.IsVerified() || moved.IsVerified() || other.IsVerified() || lost.IsVerified() {
		t.Error("what was verified is address and secret")
	}
	if err := e.RotateSecret(webhook.NewSecret(), day, noon); err != nil || !e.IsVerified() || len(e.Secrets.Signing(noon)) != 2 {
		t.Errorf("rotated: %v", err)
	}
	if err := lost.RotateSecret(webhook.NewSecret(), day, noon); err != nil || lost.IsVerified() || lost.Unreadable || len(lost.Secrets.Signing(noon)) != 1 {
		t.Errorf("given anew: %v", err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*webhook.Endpoint)
		wrong  string // pointers
	}{
		"fine":                  {func(*webhook.Endpoint) {}, ""},
		"a port and a query":    {func(e *webhook.Endpoint) { e.URL = "https://[2001:db8::1]:8443/a?b=c" }, ""},
		"http":                  {func(e *webhook.Endpoint) { e.URL = "http://crm.example.org" }, "/url"},
		"no host":               {func(e *webhook.Endpoint) { e.URL = "https:///in" }, "/url"},
		"opaque":                {func(e *webhook.Endpoint) { e.URL = "https:crm.example.org" }, "/url"},
		"another scheme":        {func(e *webhook.Endpoint) { e.URL = "gopher://crm.example.org" }, "/url"},
		"a user":                {func(e *webhook.Endpoint) { e.URL = "https://me:pass@crm.example.org" }, "/url"},
		"a fragment":            {func(e *webhook.Endpoint) { e.URL += "#" }, "/url"},
		"a line break":          {func(e *webhook.Endpoint) { e.URL += "\r\nX: y" }, "/url"},
		"long":                  {func(e *webhook.Endpoint) { e.URL += "?" + strings.Repeat("x", 2048) }, "/url"},
		"a description":         {func(e *webhook.Endpoint) { e.Description = strings.Repeat("é", 200) }, ""},
		"a longer one":          {func(e *webhook.Endpoint) { e.Description = strings.Repeat("é", 201) }, "/description"},
		"of two lines":          {func(e *webhook.Endpoint) { e.Description = "a\nb" }, "/description"},
		"events":                {func(e *webhook.Endpoint) { e.Events = []string{"publication.*", "delivery.bounced"} }, ""},
		"unknown":               {func(e *webhook.Endpoint) { e.Events = []string{"publication.*", "moon.rises", "*"} }, "/events/1 /events/2"},
		"the test":              {func(e *webhook.Endpoint) { e.Events = []string{"presswork.test"} }, "/events/0"},
		"doubled":               {func(e *webhook.Endpoint) { e.Events = []string{"delivery.sent", "delivery.sent"} }, "/events/1"},
		"too many":              {func(e *webhook.Endpoint) { e.Events = slices.Repeat([]string{"delivery.sent"}, 101) }, "/events"},
		"a weak secret":         {func(e *webhook.Endpoint) { e.Secrets.Current = "whsec_c2hvcnQ=" }, "/secret"},
		"everything at once":    {func(e *webhook.Endpoint) { *e = webhook.Endpoint{Description: "\x00", Events: []string{""}} }, "/url /description /events/0 /secret"},
		"secrets that are lost": {func(e *webhook.Endpoint) { e.Secrets, e.Unreadable = webhook.Secrets{}, true }, ""},
	} {
		e := endpoint()
		c.change(&e)
		err := webhook.Rules{}.Check(e)
		if got := pointers(err); got != c.wrong || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, want %q", name, got, c.wrong)
		}
	}
	e := endpoint()
	e.URL = "http://127.0.0.1:1/in"
	if err := (webhook.Rules{Plain: true}).Check(e); err != nil {
		t.Errorf("http where it may be: %v", err)
	}
}

func pointers(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	list := make([]string, 0, len(f.Fields))
	for _, field := range f.Fields {
		list = append(list, field.Pointer)
	}
	return strings.Join(list, " ")
}

// FuzzEndpointURL: an address that is let through is one that is called as it reads.
func FuzzEndpointURL(f *testing.F) {
	for _, seed := range []string{"https://crm.example.org/in?a=b", "https://a@b/", "https://a\\@b/", "https://[::1]/", "https://x/#y", "https://x /", "//x", "https://x:99999/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		e := endpoint()
		if e.URL = address; (webhook.Rules{}).Check(e) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(address) > 2048 || strings.ContainsAny(address, " \r\n\t#") {
			t.Errorf("%q was let through", address)
		}
	})
}

// FuzzCheckSecret: what is let through can sign, and no error quotes it.
func FuzzCheckSecret(f *testing.F) {
	f.Add(webhook.NewSecret())
	f.Add("whsec_")
	f.Fuzz(func(t *testing.T, text string) {
		if webhook.CheckSecret(text) != nil {
			return
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil || len(raw) < 24 || len(raw) > 64 {
			t.Errorf("%d bytes were let through: %v", len(raw), err)
		}
	})
}

func hasDetail(err error, detail string) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Conflict && f.Code == "endpoint_unverified" && f.Detail == detail
}
