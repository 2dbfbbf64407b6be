package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
)

// chat stores a channel with a secret, or without for "".
func chat(t *testing.T, store *Channels, name, token string) channel.Channel {
	t.Helper()
	c := channel.Channel{Kind: channel.Slack, Provider: "slack", Name: name, Enabled: true, Secrets: map[string]string{}}
	if token != "" {
		c.Secrets["token"] = token
	}
	made, err := store.CreateChannel(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func states(t *testing.T, store *Channels) map[string]channel.SealState {
	t.Helper()
	list, err := store.Seals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]channel.SealState{}
	for _, one := range list {
		got[one.Name] = one.State
	}
	return got
}

// TestReseal moves what a previous key sealed to the newest one, once, and leaves a line in the audit log for it. After that
// the previous key may go.
func TestReseal(t *testing.T) {
	t.Parallel()
	db := open(t)
	key := func(letter string) []byte { return bytes.Repeat([]byte(letter), 32) }
	lost := chat(t, channelsOf(t, db, "x"), "lost", "c")
	old := chat(t, channelsOf(t, db, "k"), "old", "a")
	rotated := channelsOf(t, db, "n", key("k"))
	fresh, bare := chat(t, rotated, "fresh", "b"), chat(t, rotated, "bare", "")
	if got := states(t, rotated); fmt.Sprint(got) != "map[fresh:newest lost:unreadable old:previous]" {
		t.Errorf("before: %v", got)
	}
	for _, want := range []bool{true, false} {
		if done, err := rotated.Reseal(t.Context(), old.UID); done != want || err != nil {
			t.Errorf("the old one: %v, %v", done, err)
		}
	}
	for name, uid := range map[string]ident.UID{"a fresh one": fresh.UID, "one without secrets": bare.UID, "none": ident.New()} {
		if done, err := rotated.Reseal(t.Context(), uid); done || err != nil {
			t.Errorf("%s: %v, %v", name, done, err)
		}
	}
	if done, err := rotated.Reseal(t.Context(), lost.UID); done || !errors.Is(err, channel.ErrUnreadable) {
		t.Errorf("one of another key: %v, %v", done, err)
	}
	alone := channelsOf(t, db, "n")
	if got := states(t, alone); fmt.Sprint(got) != "map[fresh:newest lost:unreadable old:newest]" {
		t.Errorf("after, without the previous key: %v", got)
	}
	if got, err := alone.Channel(t.Context(), old.UID); err != nil || got.Secrets["token"] != "a" || got.Version != old.Version {
		t.Errorf("after, without the previous key: %+v, %v", got, err)
	}
	audited, err := db.ListAudit(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	audited = slices.DeleteFunc(audited, func(e audit.Event) bool { return e.Action != "channel.reseal" })
	if len(audited) != 1 || audited[0].EntityUID != old.UID || audited[0].Changes["key"] != rotated.sealer.Newest() {
		t.Errorf("audited: %+v", audited)
	}
}

// TestResealBesideChanges: whoever changes a channel meanwhile, its secrets are those that were given last.
func TestResealBesideChanges(t *testing.T) {
	t.Parallel()
	db := open(t)
	before, after := channelsOf(t, db, "k"), channelsOf(t, db, "n", bytes.Repeat([]byte("k"), 32))
	one := chat(t, before, "one", "0")
	const changes = 30
	var group sync.WaitGroup
	group.Go(func() {
		for i := range changes {
			// A process that does not know the new key yet cannot read what was sealed with it, and gives all secrets anew.
			if _, err := before.UpdateChannel(t.Context(), one.UID, func(c channel.Channel) (channel.Channel, error) {
				c.Secrets, c.Unreadable = map[string]string{"token": fmt.Sprint(i + 1)}, false
				return c, nil
			}); err != nil {
				t.Error(err)
			}
		}
	})
	group.Go(func() {
		for range changes {
			if _, err := after.Reseal(t.Context(), one.UID); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	if _, err := after.Reseal(t.Context(), one.UID); err != nil {
		t.Error(err)
	}
	if got, err := channelsOf(t, db, "n").Channel(t.Context(), one.UID); err != nil || got.Secrets["token"] != fmt.Sprint(changes) || got.Version != changes+1 {
		t.Errorf("%+v, %v", got, err)
	}
}
