package app

import (
	"fmt"

	"github.com/presswork/presswork/internal/seal"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/token"
)

// previous are the keys that were SECRET_KEY before.
func (a *App) previous() [][]byte {
	keys := make([][]byte, 0, len(a.Config.PreviousKeys))
	for _, key := range a.Config.PreviousKeys {
		keys = append(keys, []byte(key))
	}
	return keys
}

// signer signs the links in messages.
func (a *App) signer() *token.Signer {
	return token.NewSigner([]byte(a.Config.SecretKey), a.previous()...)
}

// sealer seals the secrets of channels.
func (a *App) sealer() (*seal.Sealer, error) {
	s, err := seal.New([]byte(a.Config.SecretKey), a.previous()...)
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	return s, nil
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
