package app

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/token"
)

// previous are the keys that were SECRET_KEY before.
func (a *App) previous() [][]byte { return previousKeys(a.Config) }

func previousKeys(c *config.Config) [][]byte {
	keys := make([][]byte, 0, len(c.PreviousKeys))
	for _, key := range c.PreviousKeys {
		keys = append(keys, []byte(key))
	}
	return keys
}

// accessKey is the one for AWS that the settings give, nil if they give none.
func (a *App) accessKey() aws.CredentialsProvider {
	if a.Config.AWSAccessKeyID == "" {
		return nil
	}
	return credentials.NewStaticCredentialsProvider(a.Config.AWSAccessKeyID, a.Config.AWSSecretAccessKey, a.Config.AWSSessionToken)
}

// signer signs the links in messages.
func (a *App) signer() *token.Signer {
	return token.NewSigner([]byte(a.Config.SecretKey), a.previous()...)
}

// tickets signs the links in our own letters.
func (a *App) tickets() *token.Tickets {
	return token.NewTickets([]byte(a.Config.SecretKey), a.previous()...)
}

// sealer seals the secrets of channels.
func (a *App) sealer() (*seal.Sealer, error) {
	s, err := seal.New([]byte(a.Config.SecretKey), a.previous()...)
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	return s, nil
}

// erasedSealer keeps the addresses of people who are being erased; nil in a process without SECRET_KEY.
func (a *App) erasedSealer() (*seal.Sealer, error) {
	if a.Config.SecretKey == "" {
		return nil, nil //nolint:nilnil // see postgres.Options
	}
	return a.sealer()
}

// hasher makes the hashes of the suppression list; nil in a process without SECRET_KEY, which lists nobody.
func (a *App) hasher() (*suppression.Hasher, error) {
	if a.Config.SecretKey == "" {
		return nil, nil //nolint:nilnil // a Hasher of its own kind: see suppression.Hasher
	}
	h, err := suppression.NewHasher([]byte(a.Config.SecretKey), a.previous()...)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the suppression list: %w", err)
	}
	return h, nil
}

// chains seal and verify the audit log and the record of consent; nil in a process without SECRET_KEY.
func (a *App) chains() (events *audit.Chain, consents *consent.Chain, err error) {
	if a.Config.SecretKey == "" {
		return nil, nil, nil
	}
	if events, err = auditChain(a.Config); err == nil {
		consents, err = consentChain(a.Config)
	}
	return events, consents, err
}
