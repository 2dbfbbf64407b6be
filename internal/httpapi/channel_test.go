package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// fakeCircuits has one answer for every channel.
type fakeCircuits struct {
	circuit channel.Circuit
	err     error
}

func (f fakeCircuits) Circuit(context.Context, int64, int) (channel.Circuit, error) {
	return f.circuit, f.err
}

// TestBreakerOfAChannel is shown when it can be read; the channel is shown anyway.
func TestBreakerOfAChannel(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		circuits CircuitReader
		want     string
	}{
		"open":    {fakeCircuits{circuit: channel.Circuit{State: channel.CircuitOpen, Reopens: time.Date(2031, 5, 6, 7, 8, 9, 12_345_678, time.UTC)}}, `"breaker":{"state":"open","failures":0,"reopens_at":"2031-05-06T07:08:09.012Z"}`},
		"closed":  {fakeCircuits{circuit: channel.Circuit{State: channel.CircuitClosed, Failures: 3}}, `"breaker":{"state":"closed","failures":3}`},
		"unknown": {fakeCircuits{err: errors.New("away")}, ""},
		"nobody":  {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, func(d *Deps) { d.Circuits = tc.circuits })
			where := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"p"}`).location()
			got := a.do("GET", where, nil).want(http.StatusOK)
			if !strings.Contains(got.Body, tc.want) || strings.Contains(got.Body, "breaker") != (tc.want != "") || read[wire.Channel](got).Name != "p" {
				t.Errorf("got %s", got.Body)
			}
		})
	}
}

// TestFallbacksAreChecked when a channel is made and when it is changed.
func TestFallbacksAreChecked(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	with := func(name, kind, fallback string) map[string]any {
		return map[string]any{"name": name, "kind": kind, "provider": "placeholder", "settings": map[string]string{"fallback": fallback}}
	}
	a.do("POST", "/api/v1/channels", with("first", "email", "second")).problem(422, "invalid_input", "/settings/fallback unknown_channel")
	second := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"second"}`).location()
	a.do("POST", "/api/v1/channels", with("chat", "slack", "second")).problem(422, "invalid_input", "/settings/fallback wrong_kind")
	a.do("POST", "/api/v1/channels", with("first", "email", "second")).want(http.StatusCreated)
	a.do("PUT", second, with("second", "email", "first"), "If-Match: *").problem(422, "invalid_input", "/settings/fallback cycle")
	if got := read[wire.Channel](a.do("GET", second, nil)); got.Version != 1 || len(got.Settings) != 0 {
		t.Errorf("what was refused is stored: %+v", got)
	}
}

// TestAChangeTakesOneConnection: a transaction that waited for another would wait for itself once all are in such ones.
func TestAChangeTakesOneConnection(t *testing.T) {
	t.Parallel()
	a := newAPIWith(t, 1)
	a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"second"}`).want(http.StatusCreated)
	first := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"first"}`).location()
	a.do("PUT", first, `{"kind":"email","provider":"placeholder","name":"first","settings":{"fallback":"second"}}`, "If-Match: *").want(http.StatusOK)
}

// longShelf has more channels than a page, or none that can be read.
type longShelf struct {
	ChannelStore
	n   int64
	err error
}

func (s longShelf) ListChannels(_ context.Context, after int64, limit int) ([]channel.Channel, error) {
	var page []channel.Channel
	for id := after + 1; id <= s.n && len(page) < limit; id++ {
		page = append(page, channel.Channel{ID: id, Kind: channel.Email, Name: "other"})
	}
	if after+int64(len(page)) == s.n && len(page) > 0 {
		page[len(page)-1].Name = "last"
	}
	return page, s.err
}

// TestFallbackOnALaterPage is found, and none is taken unseen.
func TestFallbackOnALaterPage(t *testing.T) {
	t.Parallel()
	c := channel.Channel{Kind: channel.Email, Name: "mail", Settings: map[string]string{"fallback": "last"}}
	for _, n := range []int64{1, maxLimit, 2*maxLimit + 3} {
		others, err := channels{store: longShelf{n: n}}.candidates(t.Context(), c)
		if err = errors.Join(err, channel.CheckFallback(c, others)); err != nil {
			t.Errorf("the last of %d: %v", n, err)
		}
	}
	away := fault.New(fault.Unavailable, "database_unavailable", "")
	if _, err := (channels{store: longShelf{err: away}}).candidates(t.Context(), c); !errors.Is(err, away) {
		t.Errorf("with the database away: %v", err)
	}
}

// TestChannelsByPages follow each other; with the database away there are none.
func TestChannelsByPages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, name := range []string{"one", "two", "three"} {
		a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"`+name+`"}`).want(http.StatusCreated)
	}
	first := read[wire.ChannelPage](a.do("GET", "/api/v1/channels?limit=2", nil).want(http.StatusOK))
	rest := read[wire.ChannelPage](a.do("GET", "/api/v1/channels?limit=2&cursor="+first.Next, nil).want(http.StatusOK))
	if len(first.Items) != 2 || len(rest.Items) != 1 || rest.Items[0].Name != "three" || rest.Next != "" {
		t.Errorf("%+v, then %+v", first, rest)
	}
	away := serve(t, nil, func(d *Deps) { d.Channels = longShelf{err: fault.New(fault.Unavailable, "database_unavailable", "")} })
	away.do("GET", "/api/v1/channels", nil).problem(http.StatusServiceUnavailable, "database_unavailable")
	a.do("POST", "/api/v1/channels/nonsense/disable", nil).problem(http.StatusNotFound, "not_found")
}
