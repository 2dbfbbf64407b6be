package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/bearer"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/testkit/issuer"
)

const (
	testIssuer   = "https://backend.example.org"
	testAudience = "presswork"
	sharedSecret = "a secret that the backend shares with us"
)

// goodClaims are what a token has to say; change adjusts them, nil removes one.
func goodClaims(change map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{"iss": testIssuer, "aud": testAudience, "sub": "ann", "roles": []string{"admin"},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// signers are a way to take tokens, and the keys that good ones are signed with.
type signers struct {
	tokens *bearer.Verifier
	keys   []issuer.Key
	rsa    issuer.Key // of the issuer, whose public half everybody knows
}

// sharing takes tokens that are signed with a secret; publishing such as are signed by an issuer's keys.
func sharing(t *testing.T) signers {
	t.Helper()
	tokens, err := bearer.New(bearer.Options{Issuer: testIssuer, Audience: testAudience, Secrets: [][]byte{[]byte(sharedSecret), []byte("the secret before that one, as long")}})
	if err != nil {
		t.Fatal(err)
	}
	return signers{tokens, []issuer.Key{issuer.Shared(t, []byte(sharedSecret)), issuer.Shared(t, []byte("the secret before that one, as long"))},
		issuer.NewKey(t, "RS256", "r")}
}

func publishing(t *testing.T) signers {
	t.Helper()
	r := issuer.NewKey(t, "RS256", "r")
	ps := r
	ps.Alg, ps.KID = "PS256", "p"
	keys := []issuer.Key{r, ps, issuer.NewKey(t, "ES256", "e"), issuer.NewKey(t, "EdDSA", "d")}
	backend := issuer.New(t, keys...)
	tokens, err := bearer.New(bearer.Options{Issuer: testIssuer, Audience: testAudience, Secrets: [][]byte{[]byte(sharedSecret)},
		Keys: bearer.NewKeySet(backend.URL, 0, zap.NewNop())})
	if err != nil {
		t.Fatal(err)
	}
	return signers{tokens, keys, r}
}

// brokenCredentials are headers that must let nobody in, by what is wrong with them: name, value, ….
func brokenCredentials(t *testing.T, s signers, keys keyShelf) map[string][]string {
	t.Helper()
	past, now := time.Now().Add(-time.Second), time.Now()
	good := s.keys[0]
	token := func(change map[string]any) string { return good.Token(goodClaims(change), nil) }
	head := func(change map[string]any) string { return good.Token(goodClaims(nil), change) }
	stranger := issuer.NewKey(t, "RS256", "r")
	parts := strings.Split(token(nil), ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + testIssuer + `","aud":"presswork","sub":"x","roles":["admin"],"exp":99999999999}`))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	der := x509.MarshalPKCS1PublicKey(&s.rsa.RSA.PublicKey)
	pki, err := x509.MarshalPKIXPublicKey(&s.rsa.RSA.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	confused := func(secret []byte) string {
		return issuer.Shared(t, secret).Token(goodClaims(nil), map[string]any{"kid": "r"})
	}
	key := keys.add(auth.Key{Role: auth.Admin})
	swap := map[byte]string{'A': "B"}[key[len(key)-1]]
	if swap == "" {
		swap = "A"
	}
	texts := map[string]string{
		"garbage": "xyz", "garbage with dots": "x.y.z", "dots": "..", "long": strings.Repeat("a", 9<<10), "unicode": "ключ",
		"expired": token(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}), "not yet": token(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}),
		"issued later": token(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}),
		"wrong issuer": token(map[string]any{"iss": testIssuer + "/"}), "no issuer": token(map[string]any{"iss": nil}),
		"wrong audience": token(map[string]any{"aud": "another"}), "no audience": token(map[string]any{"aud": nil}), "other audiences": token(map[string]any{"aud": []string{"a", "b"}}),
		"no exp": token(map[string]any{"exp": nil}), "exp is text": token(map[string]any{"exp": "never"}), "exp is null": good.Token(map[string]any{"iss": testIssuer, "aud": testAudience, "sub": "x", "exp": nil}, nil),
		"no sub": token(map[string]any{"sub": nil}), "empty sub": token(map[string]any{"sub": ""}), "sub is a number": token(map[string]any{"sub": 7}),
		"alg none": none + "." + parts[1] + ".", "alg none with a signature": none + "." + parts[1] + "." + parts[2], "alg None": head(map[string]any{"alg": "None"}),
		"no alg": head(map[string]any{"alg": nil}), "alg HS512": head(map[string]any{"alg": "HS512"}), "alg of another key": head(map[string]any{"alg": map[bool]string{true: "RS256", false: "ES256"}[good.Alg == "HS256"]}),
		"confused by DER": confused(der), "confused by PKIX": confused(pki), "confused by N": confused(s.rsa.RSA.N.Bytes()),
		"confused by PEM":   confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pki})),
		"wrong signature":   parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"empty signature":   parts[0] + "." + parts[1] + ".",
		"tampered payload":  parts[0] + "." + forged + "." + parts[2],
		"signed by another": stranger.Token(goodClaims(nil), nil), "key in the header": stranger.Token(goodClaims(nil), map[string]any{"jwk": stranger.JWK(nil)}),
		"an address of keys": stranger.Token(goodClaims(nil), map[string]any{"jku": "http://127.0.0.1:1/jwks"}),
		"crit":               head(map[string]any{"crit": []string{"exp"}}), "crit b64": head(map[string]any{"crit": []string{"b64"}, "b64": false}),
		"typ of another kind": head(map[string]any{"typ": "dpop+jwt"}), "JSON serialization": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"revoked key": keys.add(auth.Key{Role: auth.Admin, RevokedAt: &past}), "expired key": keys.add(auth.Key{Role: auth.Admin, ExpiresAt: &past}),
		"bad check sum": key[:len(key)-1] + swap, "cut key": key[:len(key)-2], "nobody's key": newSecretText(), "longer admin key": testKey + "x",
	}
	if good.Alg != "HS256" {
		texts["unknown kid"] = head(map[string]any{"kid": "nosuch"})
		texts["no kid among several"] = head(map[string]any{"kid": nil})
		texts["kid of another"] = head(map[string]any{"kid": "e"})
		texts["shared secret"] = issuer.Shared(t, []byte(sharedSecret)).Token(goodClaims(nil), nil)
	}
	all := map[string][]string{
		"none": nil, "empty": {"Authorization", ""}, "only the scheme": {"Authorization", "Bearer"}, "bare": {"Authorization", testKey},
		"basic": {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+testKey))}, "another scheme": {"Authorization", "Token " + testKey},
		"two headers": {"Authorization", "Bearer " + testKey, "Authorization", "Bearer " + testKey}, "two keys": {"X-API-Key", testKey, "X-API-Key", testKey},
		"a scheme hides the key": {"Authorization", "Basic x", "X-API-Key", testKey}, "wrong X-API-Key": {"X-API-Key", "x"},
	}
	for name, text := range texts {
		all[name] = []string{"Authorization", "Bearer " + text}
	}
	return all
}

func newSecretText() string { text, _, _ := auth.NewSecret(); return text }

// TestEveryRouteForEveryBrokenCredential: 401 from each, and from none of the open ones.
func TestEveryRouteForEveryBrokenCredential(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]signers{"shared secret": sharing(t), "published keys": publishing(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := keyShelf{}
			broken := brokenCredentials(t, s, keys)
			e, table := walkable(t, keys, s.tokens), newAccessTable()
			cases := 0
			for _, r := range routes(e) {
				_, closed := table[r]
				closed = closed && !table[r].public
				for what, headers := range broken {
					cases++
					w := tryRoute(e, r.request(t, headers...))
					if got := w.Code == http.StatusUnauthorized; got != closed {
						t.Errorf("%s %s, %s: %d", r.method, r.path, what, w.Code)
					}
					if challenge := w.Header().Get("WWW-Authenticate"); closed && !strings.HasPrefix(challenge, "Bearer realm=") ||
						closed && strings.Contains(challenge, "invalid_token") != (what != "none") {
						t.Errorf("%s %s, %s: WWW-Authenticate %q", r.method, r.path, what, challenge)
					}
				}
			}
			t.Logf("%d credentials, %d cases", len(broken), cases)
			if len(broken) < 50 || cases < 3000 {
				t.Error("that is not everything")
			}
			for _, k := range s.keys { // or all of the above would prove nothing
				w := tryRoute(e, route{http.MethodGet, "/api/v1/topics"}.request(t, "Authorization", "Bearer "+k.Token(goodClaims(nil), nil)))
				if w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
					t.Errorf("a good token of %s: %d %s", k.Alg, w.Code, w.Body)
				}
			}
		})
	}
}

// TestRolesOfTokens: what a token's roles and scopes allow is what it may do.
func TestRolesOfTokens(t *testing.T) {
	t.Parallel()
	s := sharing(t)
	e := walkable(t, keyShelf{}, s.tokens)
	for name, c := range map[string]struct {
		claims      map[string]any
		read, write bool // topics
	}{
		"analyst":           {map[string]any{"roles": []string{"analyst"}}, true, false},
		"publisher as text": {map[string]any{"roles": "other publisher"}, true, true},
		"two roles":         {map[string]any{"roles": []string{"ops", "analyst"}}, true, false},
		"foreign roles":     {map[string]any{"roles": []string{"superuser", "ADMIN"}}, false, false},
		"no roles":          {map[string]any{"roles": nil}, false, false},
		"a number":          {map[string]any{"roles": 1}, false, false},
		"scoped":            {map[string]any{"scope": "openid topics:read"}, true, false},
		"scoped to nothing": {map[string]any{"scope": "openid"}, false, false},
		"empty scope":       {map[string]any{"scope": ""}, false, false},
		"unreadable scope":  {map[string]any{"scope": 3}, false, false},
		"scope beyond":      {map[string]any{"roles": []string{"analyst"}, "scope": "topics:read topics:write"}, true, false},
	} {
		text := s.keys[0].Token(goodClaims(c.claims), nil)
		for method, want := range map[string]bool{http.MethodGet: c.read, http.MethodPost: c.write} {
			w := tryRoute(e, route{method, "/api/v1/topics"}.request(t, "Authorization", "Bearer "+text))
			if got := w.Code != http.StatusForbidden; got != want || w.Code == http.StatusUnauthorized {
				t.Errorf("%s: %s is %d", name, method, w.Code)
			}
		}
	}
}

// outage is a gate that cannot tell.
type outage struct{ err error }

func (o outage) Authenticate(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, o.err
}

// TestAnOutageIsNoWrongCredential: 503 with Retry-After, and nothing about credentials.
func TestAnOutageIsNoWrongCredential(t *testing.T) {
	t.Parallel()
	e := walkable(t, nil, nil, func(d *Deps) {
		d.Auth = outage{&fault.Error{Kind: fault.Unavailable, Code: "database_unavailable", After: 7 * time.Second}}
		d.Refused = func(context.Context, auth.Refusal, string) { t.Error("it counts as refused") }
	})
	table := newAccessTable()
	for _, r := range routes(e) {
		if a, exact := table[r]; !exact || a.public {
			continue
		}
		w := tryRoute(e, r.request(t, "Authorization", "Bearer x"))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "7" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s %s: %d %v", r.method, r.path, w.Code, w.Header())
		}
	}
	unforeseen := walkable(t, nil, nil, func(d *Deps) { d.Auth = outage{errors.New("the text is for the log")} })
	if w := tryRoute(unforeseen, route{http.MethodGet, "/api/v1/topics"}.request(t)); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "for the log") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestRefusalsAreTold, with where they came from and nothing of the credential.
func TestRefusalsAreTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[auth.Reason]int{}
	e := walkable(t, keyShelf{}, nil, func(d *Deps) {
		d.Refused = func(_ context.Context, r auth.Refusal, network string) {
			mu.Lock()
			defer mu.Unlock()
			got[r.Reason]++
			if r.Credential != "" || network == "" {
				t.Errorf("%+v from %q", r, network)
			}
		}
	})
	topics := route{http.MethodGet, "/api/v1/topics"}
	tryRoute(e, topics.request(t))
	tryRoute(e, topics.request(t, "Authorization", "Bearer x"))
	tryRoute(e, topics.request(t, "Authorization", "Basic x"))
	tryRoute(e, topics.request(t, "Authorization", "Bearer "+testKey))
	tryRoute(e, route{http.MethodGet, "/healthz"}.request(t))
	if want := map[auth.Reason]int{auth.Missing: 1, auth.Unknown: 1, auth.Malformed: 1}; !maps.Equal(got, want) {
		t.Errorf("told of %v", got)
	}
}

// TestThePrincipalTravels to handlers, with the actor of the audit log.
func TestThePrincipalTravels(t *testing.T) {
	t.Parallel()
	keys := keyShelf{}
	text := keys.add(auth.Key{Role: auth.Admin, RatePerHour: 12})
	e := gin.New()
	e.ContextWithFallback = true
	table := accessTable{route{http.MethodGet, "/x"}: {needs: auth.TopicsRead}}
	e.Use(authenticate(auth.NewGate("", auth.NewKeys(keys), nil), table, nil), authorize(table, zap.NewNop()))
	e.GET("/x", func(c *gin.Context) {
		p, ok := auth.From(c.Request.Context())
		c.String(http.StatusOK, "%t %d %s", ok, p.RatePerHour, strings.TrimSuffix(p.ID, p.KeyUID.String()))
	})
	if w := tryRoute(e, route{http.MethodGet, "/x"}.request(t, "X-API-Key", text)); w.Body.String() != "true 12 key:" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
