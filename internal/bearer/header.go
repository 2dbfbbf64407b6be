package bearer

import (
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/presswork/presswork/internal/auth"
)

// header is what a token says of its signature.
type header struct {
	algorithm jwa.SignatureAlgorithm
	kid       string
}

// readHeader reads the protected header (RFC 7515, section 4). What a token brings along to be verified with (jwk, jku, x5c,
// x5u) is not looked at, and extensions that have to be understood (crit, section 4.1.11) are not.
func readHeader(token []byte) (header, error) {
	message, err := jws.Parse(token, jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return header{}, auth.Refuse(auth.Malformed, "")
	}
	protected := message.Signatures()[0].ProtectedHeaders()
	kid, _ := protected.KeyID()
	if protected.Has(jws.CriticalKey) {
		return header{}, auth.Refuse(auth.Malformed, kid)
	}
	if typ, given := protected.Type(); given && !acceptedType(typ) {
		return header{}, auth.Refuse(auth.Malformed, kid)
	}
	algorithm, given := protected.Algorithm()
	if !given || algorithm == jwa.NoSignature() {
		return header{}, auth.Refuse(auth.WrongAlgorithm, kid)
	}
	return header{algorithm: algorithm, kid: kid}, nil
}

// acceptedType keeps tokens for other purposes out: ID tokens of some issuers, logout tokens, DPoP proofs (RFC 8725, section
// 3.11). "application/" may be left out (RFC 7515, section 4.1.9).
func acceptedType(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "jwt" || typ == "at+jwt"
}
