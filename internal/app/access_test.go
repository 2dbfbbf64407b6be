package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/issuer"
)

// with asks as whoever has the credential and returns the status.
func with(t *testing.T, url string, header ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if closed := response.Body.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	return response.StatusCode
}

// serving is a process with the API that is up, with these settings.
func serving(t *testing.T, change func(*config.Config)) *App {
	t.Helper()
	c := migrated(t)
	change(c)
	return started(t, c)
}

// started is a process with the API, which ends with the test.
func started(t *testing.T, c *config.Config) *App {
	t.Helper()
	a, err := New(t.Context(), c, zap.NewNop(), API)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func claims(roles ...string) map[string]any {
	return map[string]any{"iss": "https://i.example.org", "aud": "presswork", "sub": "ann", "roles": roles, "exp": time.Now().Add(time.Hour).Unix()}
}

func issued(c *config.Config) {
	c.JWTIssuer, c.JWTAudience, c.JWTSkew, c.JWTRolesClaim = "https://i.example.org", "presswork", 30*time.Second, "roles"
}

// TestWhoGetsIn to a process, by all that can be shown, at both of its listeners; who does not is counted and recorded.
func TestWhoGetsIn(t *testing.T) {
	t.Parallel()
	a := serving(t, issued)
	remote := client.New(a.APIURL, fixture.Key)
	defer remote.Close()
	key := func(role string) string {
		t.Helper()
		k, err := remote.CreateAPIKey(t.Context(), api.APIKeyInput{Name: role, Role: api.Role(role)})
		if err != nil {
			t.Fatal(err)
		}
		return k.Key
	}
	shared := issuer.Shared(t, []byte(fixture.Secret))
	analyst, ops := key("analyst"), key("ops")
	topics, metrics := a.APIURL+"/api/v1/topics", a.OpsURL+"/metrics"
	for _, c := range []struct {
		what, url, credential string
		want                  int
	}{
		{"the admin key", topics, fixture.Key, 200}, {"a key", topics, analyst, 200}, {"a key without the permission", topics, ops, 403},
		{"a token", topics, shared.Token(claims("analyst"), nil), 200}, {"a token without roles", topics, shared.Token(claims(), nil), 403},
		{"a token of another issuer", topics, shared.Token(map[string]any{"iss": "x"}, nil), 401},
		{"a stranger's token", topics, issuer.Shared(t, []byte("x")).Token(claims("admin"), nil), 401},
		{"the admin key at the operators'", metrics, fixture.Key, 200}, {"an operator's key", metrics, ops, 200},
		{"another's key at the operators'", metrics, analyst, 403}, {"a token at the operators'", metrics, shared.Token(claims("admin"), nil), 401},
	} {
		if got := with(t, c.url, "Authorization", "Bearer "+c.credential); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	if got := with(t, topics); got != 401 {
		t.Errorf("nothing: %d", got)
	}
	_, text := get(t, metrics)
	for _, line := range []string{`{reason="missing"} 1`, `{reason="wrong_signature"} 1`, `{reason="unknown"} 1`, `{reason="expired"} 0`} {
		if !strings.Contains(text, "presswork_authentication_failures_total"+line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	fixture.Until(t, 20*time.Second, "the record", func() (bool, string) {
		events, err := a.db.ListAudit(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var reasons []string
		for _, e := range events {
			if e.Action == "authentication.fail" {
				reason, _ := e.Changes["reason"].(string)
				reasons = append(reasons, reason)
				if address, _ := e.Changes["address"].(string); len(address) != 22 || e.Actor != "anonymous" {
					t.Errorf("%+v", e)
				}
			}
		}
		return len(reasons) == 3, strings.Join(reasons, " ")
	})
}

// TestAnIssuerOfItsOwn: its keys are fetched, and a token that is signed with SECRET_KEY counts no more.
func TestAnIssuerOfItsOwn(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	backend := issuer.New(t, k)
	a := serving(t, func(c *config.Config) { issued(c); c.JWKSURL, c.JWKSMaxStale = backend.URL, time.Hour })
	topics := a.APIURL + "/api/v1/topics"
	if got := with(t, topics, "Authorization", "Bearer "+k.Token(claims("analyst"), nil)); got != 200 {
		t.Errorf("its token: %d", got)
	}
	if got := with(t, topics, "Authorization", "Bearer "+issuer.Shared(t, []byte(fixture.Secret)).Token(claims("admin"), nil)); got != 401 {
		t.Errorf("signed with SECRET_KEY: %d", got)
	}
	if _, text := get(t, a.OpsURL+"/metrics"); !strings.Contains(text, "presswork_issuer_fetch_failures 0") || strings.Contains(text, "presswork_issuer_keys_age_seconds -1") {
		t.Error("the metrics do not tell of the issuer")
	}
}

// TestAnIssuerThatIsAway keeps nobody from starting, and tokens are answered with 503.
func TestAnIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	k := issuer.NewKey(t, "ES256", "1")
	backend := issuer.New(t)
	backend.Answer(http.NotFound)
	a := serving(t, func(c *config.Config) { issued(c); c.JWKSURL = backend.URL })
	topics := a.APIURL + "/api/v1/topics"
	if got := with(t, topics, "Authorization", "Bearer "+k.Token(claims("analyst"), nil)); got != 503 {
		t.Errorf("a token: %d", got)
	}
	if got := with(t, topics, "Authorization", "Bearer "+fixture.Key); got != 200 {
		t.Errorf("the admin key: %d", got)
	}
	if _, text := get(t, a.OpsURL+"/metrics"); !strings.Contains(text, "presswork_issuer_keys_age_seconds -1") {
		t.Error("the metrics do not tell that there are no keys")
	}
}
