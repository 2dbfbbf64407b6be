package httpapi

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range list {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func forwarded(peer string, headers ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	for _, h := range headers {
		r.Header.Add("X-Forwarded-For", h)
	}
	return r
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := prefixes("10.0.0.0/8", "2001:db8:ffff::/48")
	for name, tc := range map[string]struct {
		r    *http.Request
		want string
	}{
		"no proxy":                    {forwarded("192.0.2.1:4711"), "192.0.2.1"},
		"a claim of the client":       {forwarded("192.0.2.1:4711", "203.0.113.9"), "192.0.2.1"},
		"a claim to be a proxy":       {forwarded("192.0.2.1:4711", "10.0.0.1"), "192.0.2.1"},
		"one proxy":                   {forwarded("10.1.1.1:80", "203.0.113.9"), "203.0.113.9"},
		"a claim before a proxy":      {forwarded("10.1.1.1:80", "1.1.1.1, 203.0.113.9"), "203.0.113.9"},
		"in a header of its own":      {forwarded("10.1.1.1:80", "1.1.1.1", "203.0.113.9"), "203.0.113.9"},
		"two proxies":                 {forwarded("10.1.1.1:80", "1.1.1.1, 203.0.113.9, 10.2.2.2"), "203.0.113.9"},
		"with spaces and a port":      {forwarded("10.1.1.1:80", " 1.1.1.1 ,  203.0.113.9:5000 "), "203.0.113.9"},
		"nothing but proxies":         {forwarded("10.1.1.1:80", "10.3.3.3, 10.2.2.2"), "10.3.3.3"},
		"a proxy that says nothing":   {forwarded("10.1.1.1:80"), "10.1.1.1"},
		"a proxy that says nonsense":  {forwarded("10.1.1.1:80", "203.0.113.9, unknown"), "10.1.1.1"},
		"nonsense behind a proxy":     {forwarded("10.1.1.1:80", "203.0.113.9, _x, 10.2.2.2"), "10.2.2.2"},
		"an empty entry":              {forwarded("10.1.1.1:80", "203.0.113.9,"), "10.1.1.1"},
		"IPv6":                        {forwarded("[2001:db8::1]:80"), "2001:db8::1"},
		"IPv6 behind a proxy":         {forwarded("[2001:db8:ffff::2]:80", "[2001:db8::9]:443"), "2001:db8::9"},
		"IPv4 in IPv6":                {forwarded("[::ffff:192.0.2.1]:80"), "192.0.2.1"},
		"a proxy by IPv4 in IPv6":     {forwarded("[::ffff:10.0.0.1]:80", "203.0.113.9"), "203.0.113.9"},
		"a zone":                      {forwarded("[fe80::1%eth0]:80"), "fe80::1"},
		"no address":                  {forwarded("@"), "invalid IP"},
		"more hops than there can be": {forwarded("10.1.1.1:80", "203.0.113.9"+strings.Repeat(", 10.2.2.2", maxHops)), "10.2.2.2"},
	} {
		if got := clientAddress(tc.r, proxies).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if got := clientAddress(forwarded("10.1.1.1:80", "203.0.113.9"), nil).String(); got != "10.1.1.1" {
		t.Errorf("without trusted proxies a claim is believed: %s", got)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
	} {
		if got := networkOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := networkOf(netip.Addr{}); got != "none" {
		t.Error(got)
	}
}

// FuzzClientAddress: whatever a client sends in front of what the trusted proxy adds, it is known by its own address.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{"", "1.1.1.1", "10.0.0.1", "unknown,", "[::1]:80", ", ,", "for=1.1.1.1", "a,10.0.0.1", "::ffff:10.0.0.1", "\x00", "1.1.1.1\t"} {
		f.Add(seed, seed)
	}
	proxies := prefixes("10.0.0.0/8", "::1/128")
	const client = "203.0.113.9"
	f.Fuzz(func(t *testing.T, first, second string) {
		direct := forwarded(client+":4711", first, second)
		if got := clientAddress(direct, proxies).String(); got != client {
			t.Errorf("direct, with %q and %q: %s", first, second, got)
		}
		added := forwarded("10.1.1.1:80", first, second+", "+client)
		if got := clientAddress(added, proxies).String(); got != client {
			t.Errorf("in the same header as %q: %s", second, got)
		}
		ownLine := forwarded("10.1.1.1:80", first, second, client, "10.2.2.2")
		if got := clientAddress(ownLine, proxies).String(); got != client {
			t.Errorf("after %q and %q: %s", first, second, got)
		}
		_ = networkOf(clientAddress(forwarded("10.1.1.1:80", first, second), proxies))
	})
}
