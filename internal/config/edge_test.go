package config

import (
	"slices"
	"strings"
	"testing"
)

func TestEdge(t *testing.T) {
	t.Parallel()
	c, err := Load([]string{"PRESSWORK_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.1,2001:db8::/32,::1", "PRESSWORK_CORS_ORIGINS=https://a.example.org, http://localhost:3000,",
		"PRESSWORK_RATE_ADDRESS=0", "PRESSWORK_RATE_HOOKS=5", "PRESSWORK_ALLOWED_NETWORKS=10.20.0.0/16,fd00:20::1"})
	if err != nil {
		t.Fatal(err)
	}
	var proxies []string
	for _, p := range c.Proxies {
		proxies = append(proxies, p.String())
	}
	if want := []string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128"}; !slices.Equal(proxies, want) {
		t.Errorf("proxies %q", proxies)
	}
	if len(c.Reachable) != 2 || c.Reachable[0].String() != "10.20.0.0/16" || c.Reachable[1].String() != "fd00:20::1/128" {
		t.Errorf("may be called: %v", c.Reachable)
	}
	if want := []string{"https://a.example.org", "http://localhost:3000"}; !slices.Equal(c.CORSOrigins, want) {
		t.Errorf("origins %q", c.CORSOrigins)
	}
	if c.RateAddress != 0 || c.RateHooks != 5 || c.RatePrincipal != 1000 || c.RateSignIn != 5 {
		t.Errorf("%+v", c)
	}
	if c, err := Load(nil); err != nil || c.RateAddress != 100 || c.Proxies != nil || c.Reachable != nil || c.CORSOrigins != nil {
		t.Errorf("by default: %v, %v, %v", c, c.Proxies, err)
	}
}

func TestEdgeRefuses(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"PRESSWORK_TRUSTED_PROXIES":  {"0.0.0.0/0", "::/0", "nonsense", "10.0.0.0/33", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.1-10.0.0.9"},
		"PRESSWORK_ALLOWED_NETWORKS": {"0.0.0.0/0", "::/0", "localhost", "::ffff:127.0.0.1/128"},
		"PRESSWORK_CORS_ORIGINS": {"*", "null", "https://a.example.org/", "https://A.example.org", "a.example.org", "https://*.example.org", "ftp://a.example.org",
			"https://a.example.org:443", "http://a.example.org:80", "https://u:p@a.example.org", "https://a.example.org?x"},
		"PRESSWORK_RATE_ADDRESS":   {"-1", "100000001", "many"},
		"PRESSWORK_RATE_PRINCIPAL": {"-1"}, "PRESSWORK_RATE_SIGN_IN": {"-1"}, "PRESSWORK_RATE_TRACKING": {"-1"},
		"PRESSWORK_RATE_PAGES": {"-1"}, "PRESSWORK_RATE_ONE_CLICK": {"-1"}, "PRESSWORK_RATE_HOOKS": {"-1"},
	} {
		for _, value := range values {
			if _, err := Load([]string{name + "=" + value}); err == nil || !strings.Contains(err.Error(), name+" ") {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}
