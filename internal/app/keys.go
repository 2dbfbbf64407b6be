package app

import (
	"fmt"

	"github.com/presswork/presswork/internal/seal"
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
