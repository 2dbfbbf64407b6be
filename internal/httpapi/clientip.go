package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

// maxHops bounds how many proxies stand in front of the API.
const maxHops = 16

// clientAddress is the address of whoever made the request: the peer's, unless that is one of the trusted proxies. Then
// it is what the proxies say in X-Forwarded-For, read from the right: each entry was written by the hop after it, so the
// first that is no trusted proxy is the client, and what stands to its left is the client's own word and is not looked at.
// Without an address that can be believed it is that of the last hop that can. The zero Addr is a peer without an address.
//
// Forwarded (RFC 7239) is not read: a proxy that adds to one of the two headers passes the other on as the client sent it.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	address := addressOf(r.RemoteAddr)
	values := r.Header.Values("X-Forwarded-For")
	rest := strings.Join(values, ",")
	for hop := 0; hop < maxHops && rest != "" && isTrusted(address, trusted); hop++ {
		entry := rest
		if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
			rest, entry = rest[:comma], rest[comma+1:]
		} else {
			rest = ""
		}
		next := addressOf(strings.TrimSpace(entry))
		if !next.IsValid() {
			break
		}
		address = next
	}
	return address
}

// addressOf reads an address, with or without a port; IPv4 in IPv6 is IPv4, and zones are of no use to anybody else.
func addressOf(text string) netip.Addr {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Unmap().WithZone("")
	}
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// networkOf is what stands for a client by its address: of IPv6 the /64, since whoever has one has all of it
// (RFC 6177).
func networkOf(address netip.Addr) string {
	if !address.IsValid() {
		return "none"
	}
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil { // 64 fits an IPv6 address
		return address.String()
	}
	return prefix.String()
}

type clientKey struct{}

// findClient notes who makes the request.
func findClient(trusted []netip.Prefix) gin.HandlerFunc {
	return func(c *gin.Context) {
		address := clientAddress(c.Request, trusted)
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), clientKey{}, address))
		c.Next()
	}
}

// clientOf is the address of whoever makes the request; the zero Addr if there is none. It is personal data.
func clientOf(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(clientKey{}).(netip.Addr)
	return address
}

// Client is the address that the request of a context came from, as limits go by it; "" if it is not known.
func Client(ctx context.Context) string {
	if address := clientOf(ctx); address.IsValid() {
		return address.String()
	}
	return ""
}
