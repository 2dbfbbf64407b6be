// Package signed makes signed POSTs as Standard Webhooks says, for whoever posts to endpoints of clients: the webhook channel
// and event subscriptions.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package signed

import (
	"errors"
	"fmt"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// ErrNoSecret is returned where nothing could be signed.
var ErrNoSecret = errors.New("there is no signing secret")

// Signers sign with one secret each.
type Signers []*standardwebhooks.Webhook

// Parse reads signing secrets ("whsec_…"), the newest first. Its errors quote none of them; ErrNoSecret if there is none.
func Parse(secrets ...string) (Signers, error) {
	signers := make(Signers, 0, len(secrets))
	for i, secret := range secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil || strings.TrimPrefix(secret, "whsec_") == "" {
			// The library's error would quote a part of the secret.
			return nil, fmt.Errorf("signing secret %d is not base64", i+1)
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, ErrNoSecret
	}
	return signers, nil
}
