package bearer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/issuer"
)

// clock is one that is moved by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return noon().Add(time.Duration(c.offset.Load())) }
func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// backend is an issuer and who believes it.
type backend struct {
	*issuer.Issuer
	*clock
	t        *testing.T
	set      *KeySet
	verifier *Verifier
	log      *observer.ObservedLogs
}

func newBackend(t *testing.T, keys ...issuer.Key) *backend {
	t.Helper()
	core, log := observer.New(zapcore.DebugLevel)
	b := &backend{Issuer: issuer.New(t, keys...), clock: &clock{}, t: t, log: log}
	b.set = NewKeySet(b.URL, 0, zap.New(core))
	b.set.now = b.now
	t.Cleanup(b.set.client.CloseIdleConnections)
	b.verifier = sharing(t, func(o *Options) { o.Keys, o.Now = b.set, b.now })
	return b
}

var _ auth.Tokens = (*Verifier)(nil)

// token is one that is good for an hour from now on and that was not seen before.
func (b *backend) token(k issuer.Key) string {
	b.t.Helper()
	return k.Token(good(map[string]any{"exp": b.now().Add(time.Hour).Unix(), "jti": b.t.Name() + b.now().String()}), nil)
}

// says is what comes of a token: "ok", a reason, or "unavailable".
func (b *backend) says(k issuer.Key) string {
	b.t.Helper()
	_, err := b.verifier.Verify(b.t.Context(), b.token(k))
	switch {
	case err == nil:
		return "ok"
	case auth.RefusalOf(err) != nil:
		return string(auth.RefusalOf(err).Reason)
	case fault.Is(err, fault.Unavailable):
		return "unavailable"
	default:
		return err.Error()
	}
}

func (b *backend) wants(k issuer.Key, want, when string) {
	b.t.Helper()
	if got := b.says(k); got != want {
		b.t.Errorf("%s: %s, want %s", when, got, want)
	}
}

func away(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	r := issuer.NewKey(t, "RS256", "r")
	p := r
	p.Alg, p.KID = "PS256", "p"
	e, d := issuer.NewKey(t, "ES256", "e"), issuer.NewKey(t, "EdDSA", "d")
	b := newBackend(t, r, p, e, d)
	for _, k := range []issuer.Key{r, p, e, d} {
		b.wants(k, "ok", k.Alg)
		other := k
		other.Alg, other.KID = map[string]string{"RS256": "PS256", "PS256": "RS256", "ES256": "RS256", "EdDSA": "RS256"}[k.Alg], k.KID
		if k.RSA != nil {
			b.wants(other, "wrong_algorithm", k.Alg+" is for another algorithm")
		}
	}
	if n := b.Fetches(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	lone := newBackend(t, r)
	nameless := r
	nameless.KID = ""
	lone.wants(nameless, "ok", "the only key, without its name")
	b.wants(nameless, "unknown", "among several, without a name")
}

// TestRotation: a new key is known with the first token that it signed, and an old one is forgotten with the set.
func TestRotation(t *testing.T) {
	t.Parallel()
	first, second := issuer.NewKey(t, "ES256", "1"), issuer.NewKey(t, "ES256", "2")
	b := newBackend(t, first)
	b.wants(first, "ok", "at first")
	b.Publish(first, second)
	b.wants(second, "unknown", "within the pause")
	b.forward(unknownPause)
	b.wants(second, "ok", "after the pause")
	seen := b.token(first)
	if got := refusedFor(t, b.verifier, seen); got != "" {
		t.Errorf("in the overlap: %s", got)
	}
	b.Publish(second)
	b.set.refresh(t.Context(), t.Context())
	b.wants(first, "unknown", "withdrawn")
	if got := refusedFor(t, b.verifier, seen); got != "" {
		t.Errorf("withdrawn, and seen within the last minute: %s", got)
	}
	b.forward(verifiedLife)
	if got := refusedFor(t, b.verifier, seen); got != auth.Unknown {
		t.Errorf("withdrawn, a minute later: %s", got)
	}
	b.wants(second, "ok", "at the end")
}

// TestInventedKeysCostLittle: names that nobody knows make one fetch in half a minute.
func TestInventedKeysCostLittle(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	b := newBackend(t, k)
	b.wants(k, "ok", "at first")
	invented := k
	for i := range 200 {
		invented.KID = strings.Repeat("x", i+1)
		b.wants(invented, "unknown", invented.KID)
		b.forward(300 * time.Millisecond) // a minute in all
	}
	if n := b.Fetches(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestOutage: what was fetched goes on for a day; then, and with no keys at all, nothing can be told, which is no 401.
func TestOutage(t *testing.T) {
	t.Parallel()
	k, strange := issuer.NewKey(t, "ES256", "1"), issuer.NewKey(t, "ES256", "2")
	b := newBackend(t)
	b.Answer(away)
	b.wants(k, "unavailable", "no keys yet")
	for range 50 {
		b.wants(k, "unavailable", "within the pause")
	}
	if n := b.Fetches(); n != 1 {
		t.Errorf("%d fetches within a pause", n)
	}
	b.Publish(k)
	b.forward(firstPause)
	b.wants(k, "ok", "it is there")
	b.Answer(away)
	b.forward(12 * time.Hour)
	b.wants(k, "ok", "half a day later")
	b.wants(strange, "unavailable", "a key that may be new")
	b.wants(k, "ok", "after a failed fetch")
	b.wants(issuer.Shared(t, []byte(secret)), "wrong_algorithm", "a shared secret")
	b.forward(12*time.Hour + time.Second)
	b.wants(k, "unavailable", "a day and a second later")
	_, err := b.verifier.Verify(t.Context(), b.token(k))
	if wait := retryAfter(err); wait < firstPause || wait > longestPause {
		t.Errorf("come again after %s", wait)
	}
	b.Publish(k)
	b.forward(longestPause)
	b.wants(k, "ok", "it is back")
	if age, failures := b.set.Age(); age != 0 || failures != 0 {
		t.Errorf("%s old after %d failures", age, failures)
	}
}

func retryAfter(err error) time.Duration {
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // it is not wrapped
		return e.After
	}
	return 0
}

// TestMisbehaviour: whatever the issuer answers, keys that are known go on, and nothing of the answer is logged.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	evil := issuer.NewKey(t, "ES256", "1")
	elsewhere := issuer.New(t, evil)
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	set := func(list ...map[string]any) http.HandlerFunc {
		body, err := json.Marshal(map[string]any{"keys": list})
		if err != nil {
			t.Fatal(err)
		}
		return text(string(body))
	}
	small := map[string]any{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB", "alg": "RS256"}
	for name, answer := range map[string]http.HandlerFunc{
		"404": http.NotFound, "500 with keys": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			set(k.JWK(nil))(w, r)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"huge":       text(`{"keys":[],"x":"` + strings.Repeat("marked", maxSet/6) + `"}`),
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, strings.Repeat(" ", 1<<16))
			}
		},
		"garbage": text("marked garbage"), "nothing": text(""), "an empty set": set(), "a list": text("[]"), "another type": text(`{"keys":"marked"}`),
		"only a secret": set(map[string]any{"kty": "oct", "k": "bWFya2VkbWFya2VkbWFya2Vk", "kid": "1", "alg": "HS256"}),
		"a small key":   set(small), "for encryption": set(evil.JWK(map[string]any{"use": "enc"})), "another algorithm": set(evil.JWK(map[string]any{"alg": "ES384"})),
		"another curve": set(evil.JWK(map[string]any{"crv": "P-384"})), "off the curve": set(evil.JWK(map[string]any{"x": evil.JWK(nil)["y"]})),
		"too many": set(make([]map[string]any, maxKeys+1)...), "closed at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut short": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9999")
			text("{")(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, k)
			b.wants(k, "ok", "at first")
			b.Answer(answer)
			b.forward(time.Hour)
			b.set.refresh(t.Context(), t.Context())
			b.wants(k, "ok", "afterwards")
			b.wants(evil, "wrong_signature", "somebody else's key of the same name")
			if age, failures := b.set.Age(); failures != 1 || age != time.Hour {
				t.Errorf("%d failures, %s old", failures, age)
			}
			for _, line := range b.log.All() {
				if line.Level != zapcore.WarnLevel || strings.Contains(fmtLine(line), "marked") {
					t.Errorf("logged %v", fmtLine(line))
				}
			}
			if b.log.Len() != 1 || elsewhere.Fetches() != 0 {
				t.Errorf("%d lines, %d fetches elsewhere", b.log.Len(), elsewhere.Fetches())
			}
		})
	}
}

func fmtLine(line observer.LoggedEntry) string {
	text := line.Message
	for _, f := range line.Context {
		if err, ok := f.Interface.(error); ok {
			text += " " + err.Error()
		}
	}
	return text
}

// TestASetWithOthers: keys of kinds that are not used here are left out, and the others work.
func TestASetWithOthers(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	body, err := json.Marshal(map[string]any{"keys": []any{
		map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "1"}, map[string]any{"kty": "new", "kid": "2"}, nil, "x", k.JWK(map[string]any{"alg": nil, "use": nil}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBackend(t)
	b.Answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	b.wants(k, "ok", "the good one")
	confused := issuer.Shared(t, []byte("secret"))
	confused.KID = "1"
	b.wants(confused, "wrong_algorithm", "the published secret")
}

// TestASlowIssuer holds up those who need it, together, and nobody whose key is known.
func TestASlowIssuer(t *testing.T) {
	t.Parallel()
	k, fresh := issuer.NewKey(t, "ES256", "1"), issuer.NewKey(t, "ES256", "2")
	b := newBackend(t, k)
	b.wants(k, "ok", "at first")
	arrived, answer := make(chan struct{}, 8), make(chan struct{})
	b.Answer(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-answer
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{k.JWK(nil), fresh.JWK(nil)}})
	})
	b.forward(unknownPause)
	var waiting sync.WaitGroup
	token := b.token(fresh)
	for range 20 {
		waiting.Go(func() {
			if _, err := b.verifier.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	b.wants(k, "ok", "meanwhile")
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := func() error { _, err := b.set.candidates(gone, header{algorithm: agreed()[2], kid: "3"}); return err }(); err == nil {
		t.Error("who left got an answer")
	}
	close(answer)
	waiting.Wait()
	if n := b.Fetches(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestRun fetches by itself, and ends with its context while the issuer does not answer.
func TestRun(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	b := newBackend(t, k)
	arrived := make(chan struct{}, 1)
	b.Answer(func(_ http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.set.Run(ctx) }()
	<-arrived
	stop()
	<-done
	if b.log.Len() != 0 {
		t.Errorf("a stop is logged as a failure: %v", b.log.All())
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": defaultFresh, "public": defaultFresh, "max-age=3600": time.Hour, "public, max-age=300": 5 * time.Minute, `max-age="600"`: 10 * time.Minute,
		"max-age=0": minFresh, "max-age=1": minFresh, "max-age=99999999": maxFresh, "max-age=x": minFresh, "max-age=-1": minFresh, "max-age": minFresh,
		"max-age=99999999999999999999": minFresh, "no-store": minFresh, "no-cache, max-age=3600": minFresh, "MAX-AGE=120": 2 * time.Minute,
	} {
		if got := freshness(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// TestPauses grow from a second to a minute, and are never the same for all.
func TestPauses(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	b.Answer(away)
	var pauses []time.Duration
	for range 12 {
		b.set.refresh(t.Context(), t.Context())
		pauses = append(pauses, b.set.next.Sub(b.now()))
	}
	for i, pause := range pauses {
		whole := min(firstPause<<i, longestPause)
		if pause > whole || pause <= whole/2 {
			t.Errorf("pause %d is %s of %s", i, pause, whole)
		}
	}
	if pauses[10] == pauses[11] && pauses[9] == pauses[10] {
		t.Error("there is no chance in it")
	}
}
