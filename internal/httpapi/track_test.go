package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/analytics"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/token"
)

// tracks is what tracking stands on.
type tracks struct {
	mu     sync.Mutex
	asked  int
	events []analytics.Event
}

func (k *tracks) Link(_ context.Context, publication int64, n int16) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if publication != 41 || n > 3 {
		return "", fault.New(fault.NotFound, "not_found", "")
	}
	return "https://example.org/?a=1&b=ä", nil
}

func (k *tracks) Record(e analytics.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, e)
}

func TestTracking(t *testing.T) {
	t.Parallel()
	signer := token.NewSigner([]byte("a secret of at least thirty-two characters"))
	k := &tracks{}
	a := serve(t, nil, func(d *Deps) { d.Tokens, d.Links, d.Events = signer, k, k })
	good := signer.Sign(token.Recipient{Publication: 41, Channel: 1, Recipient: 7})
	other := signer.Sign(token.Recipient{Publication: 42, Channel: 1, Recipient: 7})

	gif := a.do("GET", "/t/o/"+good+".gif", nil, "Authorization: ").want(http.StatusOK)
	if gif.Header.Get("Content-Type") != "image/gif" || !strings.Contains(gif.Header.Get("Cache-Control"), "no-store") || gif.Body != pixel {
		t.Errorf("%v %q", gif.Header, gif.Body)
	}
	for range 3 {
		click := a.do("GET", "/t/c/"+good+"/3", nil, "Authorization: ").want(http.StatusFound)
		if where := click.Header.Get("Location"); where != "https://example.org/?a=1&b=%c3%a4" {
			t.Errorf("leads to %s", where)
		}
	}
	a.do("HEAD", "/t/c/"+good+"/3", nil).want(http.StatusFound)
	a.do("HEAD", "/t/o/"+good+".gif", nil).want(http.StatusOK)
	if len(k.events) != 4 || k.asked != 1 {
		t.Errorf("%d events, %d look-ups", len(k.events), k.asked)
	}
	open, click := k.events[0], k.events[1]
	if open.Kind != analytics.Open || open.Link != analytics.NoLink || open.Publication != 41 || open.Channel != 1 || open.Recipient != 7 || open.At.IsZero() {
		t.Errorf("open %+v", open)
	}
	if click.Kind != analytics.Click || click.Link != 3 {
		t.Errorf("click %+v", click)
	}
	for _, path := range []string{
		"/t/o/" + good, "/t/o/x.gif", "/t/o/" + good[1:] + ".gif", "/t/c/x/1", "/t/c/" + good + "/4", "/t/c/" + other + "/1",
		"/t/c/" + good + "/-1", "/t/c/" + good + "/99999",
	} {
		a.do("GET", path, nil).problem(http.StatusNotFound, "no_such_link")
	}
	a.do("GET", "/t/c/"+good+"/https:%2F%2Fevil.example", nil).want(http.StatusNotFound)
	if len(k.events) != 4 {
		t.Errorf("%d events", len(k.events))
	}
	a.do("POST", "/t/o/"+good+".gif", nil).problem(http.StatusMethodNotAllowed, "method_not_allowed")
}

func TestLinkCacheIsBounded(t *testing.T) {
	t.Parallel()
	k := &tracks{}
	cache := &linkCache{store: k}
	find := func(n int16) {
		t.Helper()
		if _, err := cache.find(t.Context(), 41, n); err != nil {
			t.Fatal(err)
		}
	}
	find(1)
	for i := range int64(maxLinks) { // as many others push it into the old generation
		cache.keep(linkKey{100 + i, 0}, "x")
	}
	if find(1); k.asked != 1 || len(cache.young)+len(cache.old) > 2*maxLinks {
		t.Errorf("asked %d times, %d kept", k.asked, len(cache.young)+len(cache.old))
	}
	for i := range int64(2 * maxLinks) {
		cache.keep(linkKey{100_000 + i, 0}, "x")
	}
	if find(1); k.asked != 2 || len(cache.young)+len(cache.old) > 2*maxLinks {
		t.Errorf("asked %d times, %d kept", k.asked, len(cache.young)+len(cache.old))
	}
}
