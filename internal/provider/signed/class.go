package signed

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
)

// classOf is the kind of a failure of the network, in words that name nothing.
func classOf(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return "the call was cut short"
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	case errors.As(err, &certificate):
		return "the certificate is not valid"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS is spoken there"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	default:
		return "the connection broke"
	}
}
