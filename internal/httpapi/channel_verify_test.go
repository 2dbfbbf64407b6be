package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/ident"
)

// told is a sender of a provider that works unless its settings say otherwise.
type told struct {
	channel.Sender
	broken string
	asked  *atomic.Int64 // nil: nobody counts
}

func openAsTold(_ context.Context, c channel.Channel) (channel.Sender, error) {
	return told{broken: c.Settings["broken"]}, nil
}

func (s told) Verify(context.Context) error {
	if s.asked != nil {
		s.asked.Add(1)
	}
	if s.broken != "" {
		return errors.New(s.broken)
	}
	return nil
}

func (told) Close() error { return nil }

// countedHook is a registry whose provider "hook" counts how often it is asked, and does not work while down.
func countedHook(asked *atomic.Int64, down *atomic.Bool) func(*Deps) {
	return func(d *Deps) {
		d.Registry = channel.NewRegistry(nil, channel.Provider{
			Name: "hook", Kinds: []channel.Kind{channel.Webhook},
			Settings: []channel.Setting{{Name: "url"}, {Name: "token", Secret: true}},
			Open: func(_ context.Context, c channel.Channel) (channel.Sender, error) {
				s := told{asked: asked}
				if down.Load() {
					s.broken = "dial tcp 10.1.2.3:443: refused, with " + c.Secrets["token"]
				}
				return s, nil
			},
		})
	}
}

const shop = `{"kind":"webhook","provider":"hook","name":"shop","settings":{"url":"%"},"secrets":{"token":"tok-en-1234"}}`

func shopAt(url string) string { return strings.Replace(shop, "%", url, 1) }

// TestChannelsAreVerifiedBeforeTheyAreUsed: made, changed and switched on; what was found to work once is switched off and on
// again while its provider is down.
func TestChannelsAreVerifiedBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var down atomic.Bool
	a := newAPI(t, countedHook(&asked, &down))
	times := func(what string, want int64) {
		t.Helper()
		if n := asked.Swap(0); n != want {
			t.Errorf("%s: asked %d times, not %d", what, n, want)
		}
	}
	down.Store(true)
	refused := a.do("POST", "/api/v1/channels", shopAt("one"))
	refused.problem(http.StatusConflict, channel.CodeUnverified)
	if strings.Contains(refused.Body, "tok-en") || strings.Contains(refused.Body, "10.1.2.3") || !strings.Contains(refused.Body, "refused, with [secret]") {
		t.Errorf("it says %s", refused.Body)
	}
	times("made", 1)
	where := a.do("POST", "/api/v1/channels", strings.Replace(shopAt("one"), `"name"`, `"enabled":false,"name"`, 1)).want(http.StatusCreated).location()
	times("made for later", 0)
	a.do("POST", where+"/enable", nil).problem(http.StatusConflict, channel.CodeUnverified)
	times("switched on while it is down", 1)

	down.Store(false)
	on := read[wire.Channel](a.do("POST", where+"/enable", nil).want(http.StatusOK))
	if times("switched on", 1); !on.Enabled || on.VerifiedAt.IsZero() || on.DisabledReason != "" {
		t.Errorf("%+v", on)
	}
	down.Store(true)
	off := read[wire.Channel](a.do("POST", where+"/disable", nil).want(http.StatusOK))
	if off.DisabledReason != wire.ChannelDisabledReasonClient || off.DisabledAt.IsZero() || off.VerifiedAt.IsZero() {
		t.Errorf("switched off: %+v", off)
	}
	a.do("POST", where+"/enable", nil).want(http.StatusOK)
	a.do("PUT", where, strings.Replace(shopAt("one"), `"url":"one"`, `"url":"one","rate":"5"`, 1), "If-Match: *").want(http.StatusOK)
	times("switched off and on, and slower, while it is down", 0)

	a.do("PUT", where, shopAt("two"), "If-Match: *").problem(http.StatusConflict, channel.CodeUnverified)
	if times("changed", 1); read[wire.Channel](a.do("GET", where, nil)).Settings["url"] != "one" {
		t.Error("what was refused is stored")
	}
	moved := strings.Replace(shopAt("two"), `"name"`, `"enabled":false,"name"`, 1)
	if got := read[wire.Channel](a.do("PUT", where, moved, "If-Match: *").want(http.StatusOK)); !got.VerifiedAt.IsZero() {
		t.Errorf("other settings are said to work: %+v", got)
	}
	times("changed and switched off", 0)
}

// TestVerify says what was found, and remembers it.
func TestVerify(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var down atomic.Bool
	a := newAPI(t, countedHook(&asked, &down))
	where := a.do("POST", "/api/v1/channels", strings.Replace(shopAt("one"), `"name"`, `"enabled":false,"name"`, 1)).location()
	down.Store(true)
	got := read[wire.Verification](a.do("POST", where+"/verify", nil).want(http.StatusOK))
	if got.Verified || got.Placeholder || !strings.Contains(got.Detail, "refused, with [secret]") {
		t.Errorf("%+v", got)
	}
	down.Store(false)
	if got := read[wire.Verification](a.do("POST", where+"/verify", nil).want(http.StatusOK)); !got.Verified || got.Detail != "" {
		t.Errorf("%+v", got)
	}
	down.Store(true)
	if now := read[wire.Channel](a.do("POST", where+"/enable", nil).want(http.StatusOK)); !now.Enabled || asked.Load() != 2 {
		t.Errorf("asked %d times: %+v", asked.Load(), now)
	}
	a.do("POST", "/api/v1/channels/"+ident.New().String()+"/verify", nil).problem(http.StatusNotFound, "not_found")
}

// TestPlaceholdersAreVerified by definition, and say that they are no more than that.
func TestPlaceholdersAreVerified(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) {
		d.Registry = testRegistry().Development(channel.Provider{Name: "placeholder", Kinds: channel.Kinds(), Open: openAsTold})
	})
	where := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"p"}`).want(http.StatusCreated).location()
	if got := read[wire.Verification](a.do("POST", where+"/verify", nil).want(http.StatusOK)); !got.Verified || !got.Placeholder {
		t.Errorf("%+v", got)
	}
	if got := read[wire.Channel](a.do("GET", where, nil)); !got.VerifiedAt.IsZero() {
		t.Errorf("nothing was found to work: %+v", got)
	}
}

// TestAChangeWhileAChannelIsVerified wins: what was verified is not what there is.
func TestAChangeWhileAChannelIsVerified(t *testing.T) {
	t.Parallel()
	var a *api
	where, once := "", atomic.Bool{}
	a = newAPI(t, func(d *Deps) {
		d.Registry = channel.NewRegistry(nil, channel.Provider{Name: "hook", Kinds: []channel.Kind{channel.Webhook}, Settings: []channel.Setting{{Name: "url"}, {Name: "token", Secret: true}},
			Open: func(context.Context, channel.Channel) (channel.Sender, error) {
				if where != "" && once.CompareAndSwap(false, true) {
					a.do("POST", where+"/disable", nil).want(http.StatusOK)
				}
				return told{}, nil
			}})
	})
	where = a.do("POST", "/api/v1/channels", shopAt("one")).want(http.StatusCreated).location()
	a.do("PUT", where, shopAt("two"), "If-Match: *").problem(http.StatusConflict, "changed_meanwhile")
	once.Store(false)
	a.do("PUT", where, strings.Replace(shopAt("three"), `"name"`, `"enabled":true,"name"`, 1), "If-Match: *").problem(http.StatusConflict, "changed_meanwhile")
}
