package app

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/token"
)

// newKey is what SECRET_KEY becomes.
const newKey = "other-words-for-sealing-" + "in-the-tests-98765"

// addressOfTests is one that stays on the list whatever the keys.
const addressOfTests = "listed@reader.example"

// TestRotation is the runbook of docs/operations.md with processes that run: at every step each of them can read what
// another sealed and verify what another signed, and at the end the old key is gone.
func TestRotation(t *testing.T) {
	t.Parallel()
	c := migrated(t)
	store := func(c config.Config, name string) ident.UID {
		a := &App{Config: &c, Log: zap.NewNop()}
		sealer, err := a.sealer()
		if err != nil {
			t.Fatal(err)
		}
		b, err := Open(t.Context(), &c, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		made, err := b.db.Channels(sealer).CreateChannel(t.Context(), channel.Channel{Kind: channel.Slack, Provider: "slack", Name: name, Secrets: map[string]string{"bot_token": name}})
		if err != nil {
			t.Fatal(err)
		}
		return made.UID
	}
	keys := func(secret string, previous ...string) config.Config {
		with := *c
		with.SecretKey, with.PreviousKeys = secret, previous
		return with
	}
	// 1: the new key is made known, 2: it seals and signs. While step n is rolled out, processes of n-1 and n run.
	steps := []config.Config{keys(fixture.Secret), keys(fixture.Secret, newKey), keys(newKey, fixture.Secret)}
	for i, step := range steps {
		store(step, fmt.Sprint("made-at-", i))
		for _, beside := range steps[max(i-1, 0):min(i+2, len(steps))] {
			if s, err := SecretsStatus(t.Context(), &beside); err != nil || s.Unreadable != 0 || len(s.Channels) != i+1 {
				t.Errorf("step %d: %+v, %v", i, s, err)
			}
			mutually(t, step, beside)
		}
	}
	// 3: what is sealed is sealed anew, however often.
	last := steps[2]
	for _, want := range []string{"2 resealed, 1 newest", "0 resealed, 3 newest"} {
		if r, err := RotateSecrets(t.Context(), &last); err != nil || fmt.Sprintf("%d resealed, %d newest", r.Resealed, r.Newest) != want || len(r.Unreadable) != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	// 4: the old key goes.
	dropped := keys(newKey)
	if s, err := SecretsStatus(t.Context(), &dropped); err != nil || s.Newest != 3 || s.Previous+s.Unreadable != 0 {
		t.Errorf("without the old key: %+v, %v", s, err)
	}
	// Too early, it is noticed, and what can be read is seen to all the same.
	lost := keys(newKey + "-again")
	store(lost, "last")
	r, err := RotateSecrets(t.Context(), &lost)
	if !errors.Is(err, channel.ErrUnreadable) || r.Newest != 1 || strings.Join(r.Unreadable, " ") != "made-at-0 made-at-1 made-at-2" {
		t.Errorf("%+v, %v", r, err)
	}
}

// mutually verifies what each of two processes signs by the other, and finds what each lists on the other's list.
func mutually(t *testing.T, one, other config.Config) {
	t.Helper()
	a, b := &App{Config: &one}, &App{Config: &other}
	who := token.Recipient{Publication: 1, Channel: 1, Recipient: 2}
	for _, pair := range [][2]*App{{a, b}, {b, a}} {
		if got, err := pair[1].signer().Verify(pair[0].signer().Sign(who)); err != nil || got != who {
			t.Errorf("a link is not verified: %v", err)
		}
		listing, err := pair[0].hasher()
		if err != nil {
			t.Fatal(err)
		}
		looking, err := pair[1].hasher()
		if err != nil {
			t.Fatal(err)
		}
		entry, found := listing.Hashes(addressOfTests)[0], false
		for _, hash := range looking.Hashes(addressOfTests) {
			found = found || bytes.Equal(hash, entry)
		}
		if !found {
			t.Error("an entry of the list is not found")
		}
	}
}

func TestSecretsNeedTheDatabase(t *testing.T) {
	t.Parallel()
	away := &config.Config{DatabaseURL: "postgres://127.0.0.1:1/none", SecretKey: fixture.Secret}
	if _, err := SecretsStatus(t.Context(), away); err == nil {
		t.Error("a status of nothing")
	}
	if r, err := RotateSecrets(t.Context(), away); err == nil || r.NewestKey != "" {
		t.Errorf("rotated nothing: %+v", r)
	}
	if _, err := SecretsStatus(t.Context(), &config.Config{SecretKey: "short"}); err == nil {
		t.Error("a key too short")
	}
}
