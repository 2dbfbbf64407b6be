// Package secret reads what settings refer to: secrets in AWS Secrets Manager and in HashiCorp Vault.
//
//	aws-sm://NAME-OR-ARN[?version=VERSION][#KEY]
//	vault://MOUNT/PATH[?version=N]#KEY
//
// Neither an error nor anything else that is shown has a part of a secret in it.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// tryTime is for one request, wholeTime for all tries of a reference: long enough for a manager that restarts its
	// listener, short enough that whoever starts a process waits for the reason.
	tryTime   = 5 * time.Second
	wholeTime = 20 * time.Second
	tries     = 3
)

// Resolvers are functions that read a reference, by its scheme. They may be called at the same time and repeatedly, and
// take 20 seconds at most. Nothing is opened before the first reference of a kind is read. env looks up the environment:
// VAULT_ADDR, VAULT_NAMESPACE, VAULT_TOKEN, VAULT_TOKEN_FILE, VAULT_KUBERNETES_ROLE, VAULT_KUBERNETES_MOUNT and
// VAULT_KUBERNETES_TOKEN_FILE; what else there is the two clients find themselves.
func Resolvers(env func(string) string) map[string]func(ctx context.Context, reference string) (string, error) {
	return map[string]func(context.Context, string) (string, error){
		schemeAWS:   (&manager{}).resolve,
		schemeVault: (&vault{env: env}).resolve,
	}
}

// reference is one that was read.
type reference struct {
	path    string
	version string // "": the current one
	key     string // "": the whole secret
}

var errReference = errors.New("not a reference")

// parse reads what follows the scheme: a path, then ?version= and #key in any order. Bytes may be written %XX.
func parse(scheme, text string) (reference, error) {
	rest, found := strings.CutPrefix(text, scheme+"://")
	if !found {
		return reference{}, errReference
	}
	var r reference
	var err error
	path, rest := until(rest)
	if r.path, err = url.PathUnescape(path); err != nil || r.path == "" {
		return reference{}, errReference
	}
	for rest != "" {
		mark := rest[0]
		var part string
		part, rest = until(rest[1:])
		if part, err = url.PathUnescape(part); err != nil {
			return reference{}, errReference
		}
		version, isVersion := strings.CutPrefix(part, "version=")
		switch {
		case mark == '?' && isVersion && version != "" && r.version == "":
			r.version = version
		case mark == '#' && part != "" && r.key == "":
			r.key = part
		default:
			return reference{}, errReference
		}
	}
	return r, nil
}

// until cuts before the next ? or #.
func until(text string) (before, rest string) {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// field is a value of an object: a text, or a number as it is written.
func field(object map[string]any, key string) (string, error) {
	switch v := object[key].(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case nil:
		return "", fmt.Errorf("the secret has no key %q", key)
	default:
		return "", fmt.Errorf("the key %q of the secret is no text", key)
	}
}
