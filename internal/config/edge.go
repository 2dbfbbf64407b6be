package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxRate bounds a limit: beyond it, nobody would be limited.
const maxRate = 100_000_000

// edge checks who may ask how much, and from where, and what may be called.
func (p *problems) edge(c *Config) {
	for name, value := range map[string]int{"PRESSWORK_RATE_ADDRESS": c.RateAddress, "PRESSWORK_RATE_PRINCIPAL": c.RatePrincipal,
		"PRESSWORK_RATE_SIGN_IN": c.RateSignIn, "PRESSWORK_RATE_TRACKING": c.RateTracking, "PRESSWORK_RATE_PAGES": c.RatePages,
		"PRESSWORK_RATE_ONE_CLICK": c.RateOneClick, "PRESSWORK_RATE_HOOKS": c.RateHooks} {
		if (value < 0 || value > maxRate) && !p.has(name) {
			p.add("%s must be 0 (no limit) to %d", name, maxRate)
		}
	}
	c.Proxies = p.networks("PRESSWORK_TRUSTED_PROXIES", c.TrustedProxies)
	c.Reachable = p.networks("PRESSWORK_ALLOWED_NETWORKS", c.AllowedNetworks)
	var elements []string
	for _, name := range c.ContentElements {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			elements = append(elements, name)
		}
	}
	c.ContentElements = elements
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

// networks reads the addresses and networks of a setting.
func (p *problems) networks(name string, texts []string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		prefix, ok := network(text)
		if !ok {
			p.add("%s has %q, which is neither an address nor a network as in 10.0.0.0/8", name, text)
			continue
		}
		list = append(list, prefix)
	}
	return list
}

// network reads an address or a network. Of an IPv4 network written as IPv6, and of one of everybody, nothing good can come:
// whoever may claim any address has no limit, and calls that may go anywhere have no guard.
func network(text string) (netip.Prefix, bool) {
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
