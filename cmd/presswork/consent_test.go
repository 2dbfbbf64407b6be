package main

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/subscriber"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// sealedConsent makes two subscribers, and seals what the record says of them in a block.
func sealedConsent(t *testing.T, database, key string) {
	t.Helper()
	sealer, err := consent.NewChain([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), database, postgres.Options{Consent: sealer})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, email := range []string{"a@x.org", "b@x.org"} {
		s, err := subscriber.New(subscriber.Input{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.CreateSubscriber(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	h, err := db.ConsentHorizon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, reached, err := db.SealConsent(t.Context(), h); err != nil || !reached {
		t.Fatal(reached, err)
	}
}

// TestConsentVerify says what is wrong, by number, and fails then.
func TestConsentVerify(t *testing.T) {
	key := strings.Repeat("key.of.consent", 3)
	database := dbtest.New(t)
	for name, value := range map[string]string{"ENVIRONMENT": "", "DATABASE_URL": database, "SECRET_KEY": key, "SECRET_KEY_PREVIOUS": "",
		"REDIS_URL": "", "PUBLIC_URL": "", "PRESSWORK_API_KEY": ""} {
		t.Setenv(name, value)
	}
	says := func(line string, wants ...string) {
		t.Helper()
		text, err := printed(t, line)
		if err != nil {
			text += "error: " + err.Error()
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q, without %q", line, text, want)
			}
		}
	}
	says("consent", "verify")
	says("consent verify", "0 events in 0 blocks\n", "\nintact\n")
	sealedConsent(t, database, key)
	says("consent verify", "2 events in 1 blocks, 1 to 1\n0 events are not sealed yet\n", "intact; to be kept elsewhere: 1:")
	says("consent verify --json", `"intact":true,"blocks":1,"events":2,`, `"wrong_details":[]`)
	says("consent verify --anchor 3", "error: a block is noted as")
	says("consent verify --anchor 9:"+strings.Repeat("0", 64), "anchor_lost block 9", "error: the record of consent is not intact")
	tampered(t, database, `UPDATE consent SET detail = replace(detail, 'a@x.org', 'c@x.org')`)
	says("consent verify", "detail_altered event 1\n", "error: the record of consent is not intact")
	tampered(t, database, `UPDATE consent SET event = 'confirmed' WHERE id = 2`)
	says("consent verify", "event_altered block 1 event 2\n", "broken from block 1 on")
	t.Setenv("SECRET_KEY", strings.Repeat("another.key", 4))
	says("consent verify", "block_key_unknown block 1\n")
	t.Setenv("DATABASE_URL", "postgres://"+nobody+"/d")
	says("consent verify", "error: ")
}
