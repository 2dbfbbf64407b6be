package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxRate bounds a limit: beyond it, nobody would be limited.
const maxRate = 100_000_000

// edge checks who may ask how much, and from where.
func (p *problems) edge(c *Config) {
	for name, value := range map[string]int{"PRESSWORK_RATE_ADDRESS": c.RateAddress, "PRESSWORK_RATE_PRINCIPAL": c.RatePrincipal,
		"PRESSWORK_RATE_SIGN_IN": c.RateSignIn, "PRESSWORK_RATE_TRACKING": c.RateTracking, "PRESSWORK_RATE_PAGES": c.RatePages,
		"PRESSWORK_RATE_ONE_CLICK": c.RateOneClick, "PRESSWORK_RATE_HOOKS": c.RateHooks} {
		if (value < 0 || value > maxRate) && !p.has(name) {
			p.add("%s must be 0 (no limit) to %d", name, maxRate)
		}
	}
	c.Proxies = nil
	for _, text := range c.TrustedProxies {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, ok := proxy(text)
		if !ok {
			p.add("PRESSWORK_TRUSTED_PROXIES has %q, which is neither an address nor a network as in 10.0.0.0/8", text)
			continue
		}
		c.Proxies = append(c.Proxies, prefix)
	}
	var origins []string
	for _, text := range c.CORSOrigins {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if !isOrigin(text) {
			p.add("PRESSWORK_CORS_ORIGINS has %q, which is no origin as in https://console.example.org", text)
			continue
		}
		origins = append(origins, text)
	}
	c.CORSOrigins = origins
}

// proxy reads an address or a network. Of an IPv4 network written as IPv6, and of one of everybody, nothing good can come:
// whoever may claim any address has no limit.
func proxy(text string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err == nil && prefix.Bits() > 0 && !prefix.Addr().Is4In6()
}

// isOrigin reports whether a browser would send it so (RFC 6454, section 6.2): a scheme and a host in lower case, and a
// port if it is not the scheme's.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.Contains(text, "*") || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) {
		return false
	}
	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80"
}
