package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
)

// commandLine is who the audit log says did what a command does on the database itself.
const commandLine = "command"

// Seals is how the secrets of channels and webhook endpoints are sealed.
type Seals struct {
	// NewestKey is the id of the key that SECRET_KEY gives now.
	NewestKey string `json:"newest_key"`
	// Newest, Previous and Unreadable are how many are sealed with that key, with an earlier one, and with none at hand.
	Newest     int `json:"newest"`
	Previous   int `json:"previous"`
	Unreadable int `json:"unreadable"`
	// Channels are those that have secrets, webhook endpoints among them.
	Channels []Seal `json:"channels"`
}

// Seal is how the secrets of one channel or webhook endpoint are sealed.
type Seal = channel.Seal

// Resealed is what became of the secrets of channels and webhook endpoints: how many are sealed with the newest key since now and since before,
// and the names of those that no key at hand opens.
type Resealed struct {
	NewestKey  string   `json:"newest_key"`
	Resealed   int      `json:"resealed"`
	Newest     int      `json:"newest"`
	Unreadable []string `json:"unreadable"`
}

// sealed is a store of secrets.
type sealed interface {
	Seals(ctx context.Context) ([]channel.Seal, error)
	Reseal(ctx context.Context, uid ident.UID) (bool, error)
}

// SecretsStatus says how the secrets of channels and webhook endpoints are sealed.
func SecretsStatus(ctx context.Context, c *config.Config) (s Seals, err error) {
	s.Channels = []Seal{}
	err = withSealed(ctx, c, func(store sealed, newest string) error {
		s.NewestKey = newest
		list, err := store.Seals(ctx)
		if err != nil {
			return err
		}
		s.Channels = append(s.Channels, list...)
		for _, one := range list {
			switch one.State {
			case channel.SealedNewest:
				s.Newest++
			case channel.SealedPrevious:
				s.Previous++
			case channel.SealedLost:
				s.Unreadable++
			}
		}
		return nil
	})
	return s, err
}

// RotateSecrets seals with the newest key what a previous one sealed. It may be repeated, and run beside everything else.
// Secrets that cannot be read are an error, after all others were seen to.
func RotateSecrets(ctx context.Context, c *config.Config) (r Resealed, err error) {
	ctx = audit.WithActor(ctx, commandLine)
	r.Unreadable = []string{}
	err = withSealed(ctx, c, func(store sealed, newest string) error {
		r.NewestKey = newest
		return r.reseal(ctx, store)
	})
	if err == nil && len(r.Unreadable) > 0 {
		err = fmt.Errorf("%d channels: %w: give them anew", len(r.Unreadable), channel.ErrUnreadable)
	}
	return r, err
}

func (r *Resealed) reseal(ctx context.Context, store sealed) error {
	list, err := store.Seals(ctx)
	if err != nil {
		return err
	}
	for _, one := range list {
		switch done, err := store.Reseal(ctx, one.UID); {
		case errors.Is(err, channel.ErrUnreadable):
			r.Unreadable = append(r.Unreadable, one.Name)
		case err != nil:
			return err
		case done:
			r.Resealed++
		default:
			r.Newest++
		}
	}
	return nil
}

// withSealed calls do with each store of secrets and the id of the newest key.
func withSealed(ctx context.Context, c *config.Config, do func(store sealed, newest string) error) error {
	sealer, err := (&App{Config: c}).sealer()
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{MaxConns: 1})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer db.Close()
	if err := db.SchemaReady(ctx); err != nil {
		return err
	}
	for _, store := range []sealed{db.Channels(sealer), db.Webhooks(sealer)} {
		if err := do(store, sealer.Newest()); err != nil {
			return err
		}
	}
	return nil
}
