package auth

import "errors"

// Reason is why a credential was not accepted. It is a closed list: metrics count by it, and the audit log names it.
type Reason string

// The reasons.
const (
	// Missing: no credential was shown at all.
	Missing Reason = "missing"
	// Malformed: it is neither a key nor a token.
	Malformed Reason = "malformed"
	// Unknown: nobody was given this key, or nobody signs with this one.
	Unknown Reason = "unknown"
	// Revoked keys open nothing any more.
	Revoked Reason = "revoked"
	// Expired keys and tokens neither.
	Expired Reason = "expired"
	// NotYet: a token that is good later.
	NotYet Reason = "not_yet"
	// WrongIssuer and WrongAudience: a token of somebody else, or for somebody else.
	WrongIssuer   Reason = "wrong_issuer"
	WrongAudience Reason = "wrong_audience"
	// WrongAlgorithm: signed in a way that is not agreed upon.
	WrongAlgorithm Reason = "wrong_algorithm"
	// WrongSignature: not signed by whom it says.
	WrongSignature Reason = "wrong_signature"
	// WrongClaims: one that it has to have is not there, or makes no sense.
	WrongClaims Reason = "wrong_claims"
)

// Reasons is the closed list.
func Reasons() []Reason {
	return []Reason{Missing, Malformed, Unknown, Revoked, Expired, NotYet, WrongIssuer, WrongAudience, WrongAlgorithm, WrongSignature, WrongClaims}
}

// Detail is the reason for people: whoever has the credential may know what is wrong with it, and nothing about others.
func (r Reason) Detail() string {
	switch r {
	case Missing:
		return "An API key or a token is needed: Authorization: Bearer …"
	case Revoked:
		return "The API key was revoked."
	case Expired:
		return "The API key or token has expired."
	case NotYet:
		return "The token is not valid yet."
	case WrongIssuer:
		return "The token is of another issuer."
	case WrongAudience:
		return "The token is for another audience."
	case WrongAlgorithm:
		return "The token is signed by an algorithm that is not accepted."
	case WrongClaims:
		return "The token lacks a claim that is needed, or has a wrong one."
	default: // Malformed, Unknown and WrongSignature look the same from outside
		return "The API key or token is not valid."
	}
}

// Refusal is the error of a credential that is not accepted. Anything else that keeps from telling (a database that is away)
// is another error: it must not look like a wrong credential.
type Refusal struct {
	Reason Reason
	// Credential is what may be known of it: the prefix of an API key, or the name of the key that a token says it was
	// signed with. Letters, digits, dots, - and _ only, 64 at most; often empty.
	Credential string
}

// Error is the detail.
func (r *Refusal) Error() string { return r.Reason.Detail() }

// Refuse is a Refusal. credential is left out if it could be anything but a name.
func Refuse(reason Reason, credential string) error {
	if len(credential) > 64 || !isName(credential) {
		credential = ""
	}
	return &Refusal{Reason: reason, Credential: credential}
}

// RefusalOf is the Refusal in err's chain; nil: there is none.
func RefusalOf(err error) *Refusal {
	var r *Refusal
	errors.As(err, &r)
	return r
}

func isName(text string) bool {
	for i := range len(text) {
		if c := text[i]; !letterOrDigit(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
