package postgres

import (
	"bytes"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
)

// outletOf makes a channel of a kind that is switched on.
func outletOf(t *testing.T, store *Channels, kind channel.Kind) channel.Channel {
	t.Helper()
	c, err := store.CreateChannel(t.Context(), channel.Channel{Kind: kind, Provider: "p", Name: string(kind), Enabled: true,
		Settings: map[string]string{"url": "https://shop.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readChannel(t *testing.T, store *Channels, uid ident.UID) channel.Channel {
	t.Helper()
	c, err := store.Channel(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func failed(t *testing.T, store *Channels, c channel.Channel, gone bool) channel.Off {
	t.Helper()
	off, err := store.NoteFailure(t.Context(), c.ID, c.Version, gone)
	if err != nil {
		t.Fatal(err)
	}
	return off
}

// TestLastingFailure switches a webhook off that did nothing but fail for five days, once, and says why; no other kind.
func TestLastingFailure(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	hook, chat := outletOf(t, store, channel.Webhook), outletOf(t, store, channel.Slack)
	for range 2 {
		if off := failed(t, store, hook, false); off != channel.NoReason {
			t.Errorf("off at once: %s", off)
		}
	}
	since := readChannel(t, store, hook.UID).FailingSince
	if since.IsZero() || time.Since(since) > time.Minute {
		t.Errorf("failing since %v", since)
	}
	failed(t, store, chat, false)
	exec(t, db, `UPDATE channel SET failing_since = failing_since - interval '119 hours'`)
	if off := failed(t, store, hook, false); off != channel.NoReason {
		t.Errorf("off after 119 hours: %s", off)
	}
	exec(t, db, `UPDATE channel SET failing_since = failing_since - interval '1 hour'`)
	if off := failed(t, store, channel.Channel{ID: hook.ID, Version: hook.Version + 1}, false); off != channel.NoReason {
		t.Errorf("off by a failure of other settings: %s", off)
	}
	if off := failed(t, store, hook, false); off != channel.Failing {
		t.Errorf("after five days: %q", off)
	}
	got := readChannel(t, store, hook.UID)
	if got.Enabled || got.DisabledReason != channel.Failing || got.DisabledAt.IsZero() || got.Version != hook.Version+1 || got.FailingSince.IsZero() {
		t.Errorf("%+v", got)
	}
	for _, late := range []channel.Channel{hook, got, chat} {
		if off := failed(t, store, late, false); off != channel.NoReason {
			t.Errorf("%s is switched off again: %s", late.Name, off)
		}
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE actor = 'system' AND action = 'channel.switch_off'
		AND entity_uid = (SELECT uid FROM channel WHERE kind = 'webhook') AND changes ->> 'reason' = 'failing'`); n != 1 {
		t.Errorf("%d lines of the audit log", n)
	}
}

// TestGone switches any place off at once.
func TestGone(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	for _, kind := range []channel.Kind{channel.Webhook, channel.Slack, channel.Discord} {
		c := outletOf(t, store, kind)
		if off := failed(t, store, c, true); off != channel.Gone {
			t.Errorf("%s: %q", kind, off)
		}
		if got := readChannel(t, store, c.UID); got.Enabled || got.DisabledReason != channel.Gone {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

// TestSuccessEndsARowOfFailures, and so does whoever changes the settings or switches the channel on; a new name does not.
func TestSuccessEndsARowOfFailures(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	c := outletOf(t, store, channel.Webhook)
	update := func(change func(*channel.Channel)) {
		t.Helper()
		var err error
		c, err = store.UpdateChannel(t.Context(), c.UID, func(before channel.Channel) (channel.Channel, error) {
			change(&before)
			return before, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := readChannel(t, store, c.UID); got.FailingSince != c.FailingSince || got.DisabledReason != c.DisabledReason || got.DisabledAt != c.DisabledAt {
			t.Errorf("it is said to be %+v and is %+v", c.Health, got.Health)
		}
	}
	failing := func() bool { return !readChannel(t, store, c.UID).FailingSince.IsZero() }
	failed(t, store, c, false)
	if err := store.NoteSuccess(t.Context(), c.ID, c.Version+1); err != nil || !failing() {
		t.Errorf("a success of other settings counts: %v", err)
	}
	if err := store.NoteSuccess(t.Context(), c.ID, c.Version); err != nil || failing() {
		t.Errorf("a success does not count: %v", err)
	}
	failed(t, store, c, false)
	update(func(c *channel.Channel) { c.Name = "another" })
	if !failing() {
		t.Error("a name mends it")
	}
	update(func(c *channel.Channel) { c.Settings = map[string]string{"url": "https://other.example"} })
	if failing() {
		t.Error("other settings are as bad")
	}
	failed(t, store, c, true)
	c = readChannel(t, store, c.UID)
	update(func(c *channel.Channel) { c.Enabled = false })
	if c.DisabledReason != channel.Gone {
		t.Errorf("who switches off what is off changes the reason to %q", c.DisabledReason)
	}
	update(func(c *channel.Channel) { c.Enabled = true })
	if failing() || c.DisabledReason != channel.NoReason || !c.DisabledAt.IsZero() {
		t.Errorf("switched on again: %+v", c.Health)
	}
	update(func(c *channel.Channel) { c.Enabled = false })
	if c.DisabledReason != channel.ByClient || c.DisabledAt.IsZero() {
		t.Errorf("switched off by somebody: %+v", c.Health)
	}
}

// TestNoteVerification keeps a keyed hash of what works, of the version that was verified, and nothing that it was made of.
func TestNoteVerification(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := channelsOf(t, db, "k")
	c, proof := outletOf(t, store, channel.Webhook), []byte("all that the provider is told")
	for version, known := range map[int]bool{c.Version + 1: false, c.Version: true} {
		if err := store.NoteVerification(t.Context(), c.UID, version, true, proof); err != nil {
			t.Fatal(err)
		}
		if got := readChannel(t, store, c.UID); store.Proves(got.Verified, proof) != known || got.VerifiedAt.IsZero() == known ||
			got.Version != c.Version || bytes.Contains(got.Verified, proof[:5]) {
			t.Errorf("version %d: %+v", version, got)
		}
		exec(t, db, `UPDATE channel SET verified = NULL, verified_at = NULL`)
	}
	if err := store.NoteVerification(t.Context(), c.UID, c.Version, false, nil); err != nil || readChannel(t, store, c.UID).Verified != nil {
		t.Errorf("what does not work is kept: %v", err)
	}
	if n := value[int](t, db, `SELECT count(*)::int FROM audit_event WHERE action = 'channel.verify' AND (changes ->> 'verified')::boolean`); n != 2 {
		t.Errorf("%d lines of the audit log", n)
	}
}
