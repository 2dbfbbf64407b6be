package postgres

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/seal"
)

func channelsOf(t testing.TB, db *DB, secret string, previous ...[]byte) *Channels {
	t.Helper()
	sealer, err := seal.New(bytes.Repeat([]byte(secret), 32), previous...)
	if err != nil {
		t.Fatal(err)
	}
	return db.Channels(sealer)
}

func TestChannelLife(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	made, err := store.CreateChannel(t.Context(), channel.Channel{
		Kind: channel.Slack, Provider: "slack", Name: "chat", Enabled: true,
		Settings: map[string]string{"channel": "C1"}, Secrets: map[string]string{"token": "a-very-secret-token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var stored []byte
	if err := db.pool.QueryRow(t.Context(), `SELECT secrets FROM channel`).Scan(&stored); err != nil || bytes.Contains(stored, []byte("very-secret")) {
		t.Errorf("stored %q, %v", stored, err)
	}
	for name, read := range map[string]func() (channel.Channel, error){
		"uid": func() (channel.Channel, error) { return store.Channel(t.Context(), made.UID) },
		"id":  func() (channel.Channel, error) { return store.ChannelByID(t.Context(), made.ID) },
	} {
		if got, err := read(); err != nil || !reflect.DeepEqual(got, made) {
			t.Errorf("by %s: %+v, %v", name, got, err)
		}
	}
	off, err := store.UpdateChannel(t.Context(), made.UID, func(c channel.Channel) (channel.Channel, error) {
		c.Enabled = false
		return c, nil
	})
	if err != nil || off.Version != 2 || off.Secrets["token"] != "a-very-secret-token" {
		t.Errorf("switched off: %+v, %v", off, err)
	}
	if on, err := store.EnabledChannels(t.Context()); err != nil || len(on) != 0 {
		t.Errorf("enabled: %v, %v", on, err)
	}
	if all, err := store.ListChannels(t.Context(), 0, 10); err != nil || len(all) != 1 {
		t.Errorf("all: %v, %v", all, err)
	}
	if _, err := store.CreateChannel(t.Context(), channel.Channel{Kind: channel.Email, Provider: "smtp", Name: "chat"}); fault.CodeOf(err) != "already_exists" {
		t.Errorf("the same name: %v", err)
	}
	present, err := store.Channel(t.Context(), made.UID)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteChannel(t.Context(), made.UID, notVersion(present.Version)); !errors.Is(err, errVersion) {
		t.Errorf("the check was not asked: %v", err)
	}
	if err := store.DeleteChannel(t.Context(), made.UID, anyVersion); err != nil {
		t.Error(err) // a refused deletion leaves it there
	}
	for _, err := range []error{
		store.DeleteChannel(t.Context(), made.UID, anyVersion),
		func() error { _, err := store.Channel(t.Context(), ident.New()); return err }(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestChannelSecretsNeedTheirKeyAndRow(t *testing.T) {
	t.Parallel()
	db := open(t)
	first, err := channelsOf(t, db, "k").CreateChannel(t.Context(), channel.Channel{
		Kind: channel.Slack, Provider: "slack", Name: "chat", Secrets: map[string]string{"token": "a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	other := channelsOf(t, db, "n")
	if got, err := other.Channel(t.Context(), first.UID); err != nil || !got.Unreadable || len(got.Secrets) > 0 {
		t.Errorf("another key: %+v, %v", got, err)
	}
	if _, err := other.UpdateChannel(t.Context(), first.UID, func(c channel.Channel) (channel.Channel, error) {
		c.Enabled = false
		return c, nil
	}); err != nil {
		t.Errorf("not switched off: %v", err)
	}
	rotated := channelsOf(t, db, "n", bytes.Repeat([]byte("k"), 32))
	if got, err := rotated.Channel(t.Context(), first.UID); err != nil || got.Secrets["token"] != "a" {
		t.Errorf("a previous key: %+v, %v", got, err)
	}
	second, err := rotated.CreateChannel(t.Context(), channel.Channel{Kind: channel.Slack, Provider: "slack", Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.pool.Exec(t.Context(), `UPDATE channel SET secrets = (SELECT secrets FROM channel WHERE id = $1) WHERE id = $2`,
		first.ID, second.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := rotated.Channel(t.Context(), second.UID); err != nil || !got.Unreadable {
		t.Errorf("moved to another row: %+v, %v", got, err)
	}
	mended, err := rotated.UpdateChannel(t.Context(), second.UID, func(c channel.Channel) (channel.Channel, error) {
		c.Secrets, c.Unreadable = map[string]string{"token": "b"}, false
		return c, nil
	})
	if err != nil || mended.Secrets["token"] != "b" {
		t.Errorf("secrets given anew: %+v, %v", mended, err)
	}
	if list, err := rotated.ListChannels(t.Context(), 0, 10); err != nil || len(list) != 2 || list[0].Secrets["token"] != "a" || list[1].Secrets["token"] != "b" {
		t.Errorf("list: %+v, %v", list, err)
	}
}
