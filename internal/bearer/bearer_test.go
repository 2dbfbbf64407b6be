package bearer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/testkit/issuer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	who    = "https://backend.example.org"
	whom   = "presswork"
	secret = "a secret that the backend shares with us"
)

// noon is when these tests take place.
func noon() time.Time { return time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC) }

// sharing verifies tokens that are signed with the secret, at noon unless change says otherwise.
func sharing(tb testing.TB, change ...func(*Options)) *Verifier {
	tb.Helper()
	o := Options{Issuer: who, Audience: whom, Secrets: [][]byte{[]byte(secret)}, Now: noon}
	for _, c := range change {
		c(&o)
	}
	v, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// good are the claims of a token that is fine at noon; change adjusts them, nil removes one.
func good(change map[string]any) map[string]any {
	claims := map[string]any{"iss": who, "aud": whom, "sub": "ann", "roles": []string{"analyst"},
		"iat": noon().Add(-time.Hour).Unix(), "exp": noon().Add(time.Hour).Unix()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// refusedFor is why a token is refused; "": it is not.
func refusedFor(tb testing.TB, v *Verifier, token string) auth.Reason {
	tb.Helper()
	_, err := v.Verify(tb.Context(), token)
	if r := auth.RefusalOf(err); r != nil {
		return r.Reason
	}
	if err != nil {
		tb.Fatal(err)
	}
	return ""
}

// TestTimes: to the second, with half a minute of difference between the clocks.
func TestTimes(t *testing.T) {
	t.Parallel()
	k := issuer.Shared(t, []byte(secret))
	at := func(d time.Duration) int64 { return noon().Add(d).Unix() }
	for name, c := range map[string]struct {
		claims map[string]any
		want   auth.Reason
	}{
		"fine":                    {nil, ""},
		"expired within the skew": {map[string]any{"exp": at(-29 * time.Second)}, ""},
		"expired":                 {map[string]any{"exp": at(-31 * time.Second)}, auth.Expired},
		"nbf within the skew":     {map[string]any{"nbf": at(29 * time.Second)}, ""},
		"nbf later":               {map[string]any{"nbf": at(31 * time.Second)}, auth.NotYet},
		"iat within the skew":     {map[string]any{"iat": at(29 * time.Second)}, ""},
		"iat later":               {map[string]any{"iat": at(31 * time.Second)}, auth.NotYet},
		"no iat":                  {map[string]any{"iat": nil}, ""},
		"fractions":               {map[string]any{"exp": float64(at(time.Hour)) + .5}, ""},
		"exp in 1970":             {map[string]any{"exp": 0}, auth.Expired},
		"negative exp":            {map[string]any{"exp": -1}, auth.WrongClaims},
		"no exp":                  {map[string]any{"exp": nil}, auth.WrongClaims},
		"exp a list":              {map[string]any{"exp": []int{1}}, auth.WrongClaims},
		"exp beyond all numbers":  {map[string]any{"exp": 1e300}, auth.WrongClaims},
		"no sub":                  {map[string]any{"sub": nil}, auth.WrongClaims},
		"long sub":                {map[string]any{"sub": strings.Repeat("a", 256)}, auth.WrongClaims},
		"another issuer":          {map[string]any{"iss": who + "x"}, auth.WrongIssuer},
		"another audience":        {map[string]any{"aud": []string{"x", "y"}}, auth.WrongAudience},
		"one of the audiences":    {map[string]any{"aud": []string{"x", whom}}, ""},
		"another's, and expired":  {map[string]any{"iss": "x", "exp": at(-time.Hour)}, auth.Expired},
	} {
		if got := refusedFor(t, sharing(t), k.Token(good(c.claims), nil)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMaxLifetime(t *testing.T) {
	t.Parallel()
	k := issuer.Shared(t, []byte(secret))
	v := sharing(t, func(o *Options) { o.MaxLifetime = 2 * time.Hour })
	for want, claims := range map[auth.Reason][]map[string]any{
		"":               {nil},
		auth.WrongClaims: {{"exp": noon().Add(time.Hour + time.Second).Unix()}, {"iat": nil}},
	} {
		for _, change := range claims {
			if got := refusedFor(t, v, k.Token(good(change), nil)); got != want {
				t.Errorf("%v: %q, want %q", change, got, want)
			}
		}
	}
}

// TestHeaders: what a header must not say, and the forms of typ that mean the same.
func TestHeaders(t *testing.T) {
	t.Parallel()
	k := issuer.Shared(t, []byte(secret))
	for name, c := range map[string]struct {
		header map[string]any
		want   auth.Reason
	}{
		"no typ": {map[string]any{"typ": nil}, ""}, "jwt": {map[string]any{"typ": "jwt"}, ""}, "at+jwt": {map[string]any{"typ": "at+jwt"}, ""},
		"whole media type": {map[string]any{"typ": "application/AT+JWT"}, ""},
		"ID token":         {map[string]any{"typ": "id+jwt"}, auth.Malformed}, "logout token": {map[string]any{"typ": "logout+jwt"}, auth.Malformed},
		"crit":     {map[string]any{"crit": []string{"x"}, "x": 1}, auth.Malformed},
		"alg none": {map[string]any{"alg": "none"}, auth.WrongAlgorithm}, "alg NONE": {map[string]any{"alg": "NONE"}, auth.Malformed},
		"RS256": {map[string]any{"alg": "RS256"}, auth.WrongAlgorithm}, "HS384": {map[string]any{"alg": "HS384"}, auth.WrongAlgorithm},
		"dir": {map[string]any{"alg": "dir"}, auth.Malformed}, "alg a number": {map[string]any{"alg": 1}, auth.Malformed},
	} {
		got := refusedFor(t, sharing(t), k.Token(good(nil), c.header))
		if got != c.want && (got == "" || c.want == "" || c.want == auth.WrongAlgorithm) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestSubjects: a subject is told from all others, under a hash that says nothing about it.
func TestSubjects(t *testing.T) {
	t.Parallel()
	k := issuer.Shared(t, []byte(secret))
	id := func(v *Verifier, claims map[string]any) string {
		t.Helper()
		p, err := v.Verify(t.Context(), k.Token(good(claims), nil))
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	ann := id(sharing(t), map[string]any{"sub": "ann@example.org"})
	again := id(sharing(t), map[string]any{"sub": "ann@example.org", "jti": "another", "roles": "ops"})
	others := []string{
		id(sharing(t), map[string]any{"sub": "bob@example.org"}),
		id(sharing(t, func(o *Options) { o.Issuer = "x" }), map[string]any{"sub": "ann@example.org", "iss": "x"}),
		id(sharing(t, func(o *Options) { o.Secrets = [][]byte{[]byte("a newer secret that is as long"), []byte(secret)} }), map[string]any{"sub": "ann@example.org"}),
	}
	if ann != again || slices.Contains(others, ann) || !strings.HasPrefix(ann, "user:") || strings.Contains(ann, "ann") || len(ann) != len("user:")+22 {
		t.Errorf("%s, %s, others %v", ann, again, others)
	}
}

// TestVerifiedOnce: a token that is good is looked at once a minute, and not a second longer than it is good.
func TestVerifiedOnce(t *testing.T) {
	t.Parallel()
	now := noon()
	v := sharing(t, func(o *Options) { o.Now = func() time.Time { return now } })
	k := issuer.Shared(t, []byte(secret))
	short := k.Token(good(map[string]any{"exp": noon().Add(10 * time.Second).Unix()}), nil)
	long := k.Token(good(nil), nil)
	for _, token := range []string{short, long} {
		if got := refusedFor(t, v, token); got != "" {
			t.Fatal(got)
		}
	}
	v.o.Secrets = [][]byte{[]byte("the key that it was signed with is gone")}
	now = noon().Add(39 * time.Second)
	if a, b := refusedFor(t, v, short), refusedFor(t, v, long); a != "" || b != "" {
		t.Errorf("looked at again: %q, %q", a, b)
	}
	now = noon().Add(41 * time.Second)
	if a, b := refusedFor(t, v, short), refusedFor(t, v, long); a == "" || b != "" {
		t.Errorf("after its end: %q, %q", a, b)
	}
	now = noon().Add(time.Minute)
	if got := refusedFor(t, v, long); got != auth.WrongSignature {
		t.Errorf("after a minute: %q", got)
	}
}

// TestIssued: what an operator's token says is what it means here, and what others read in it.
func TestIssued(t *testing.T) {
	t.Parallel()
	g := Grant{Issuer: who, Audience: whom, Subject: "ann", Roles: []auth.Role{auth.Publisher, auth.Ops},
		Scopes: []auth.Permission{auth.TopicsRead, auth.OpsAccess}, Lifetime: time.Minute}
	token, err := Issue([]byte(secret), g, noon())
	if err != nil {
		t.Fatal(err)
	}
	p, err := sharing(t).Verify(t.Context(), token)
	if err != nil || p.Permissions() != auth.SetOf(auth.TopicsRead, auth.OpsAccess) || !slices.Equal(p.Roles, g.Roles) {
		t.Errorf("%+v, %v", p, err)
	}
	g.RolesClaim, g.Scopes = "https://example.org/roles", nil
	if token, err = Issue([]byte(secret), g, noon()); err != nil {
		t.Fatal(err)
	}
	if p, err := sharing(t, func(o *Options) { o.RolesClaim = g.RolesClaim }).Verify(t.Context(), token); err != nil || p.Scopes != nil || len(p.Roles) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := sharing(t).Verify(t.Context(), token); err != nil || p.Permissions() != 0 {
		t.Errorf("roles of another claim: %+v, %v", p, err)
	}
	for name, g := range map[string]Grant{"no subject": {Lifetime: 1}, "no lifetime": {Subject: "x"}} {
		if _, err := Issue([]byte(secret), g, noon()); err == nil {
			t.Error(name)
		}
	}
	if _, err := Issue(nil, g, noon()); err == nil {
		t.Error("no secret")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no issuer": {Audience: "a", Secrets: [][]byte{[]byte("s")}}, "no audience": {Issuer: "i", Secrets: [][]byte{[]byte("s")}},
		"no secret": {Issuer: "i", Audience: "a"}, "an empty secret": {Issuer: "i", Audience: "a", Secrets: [][]byte{nil}},
		"a large skew": {Issuer: "i", Audience: "a", Secrets: [][]byte{[]byte("s")}, Skew: MaxSkew + 1},
	} {
		if _, err := New(o); err == nil {
			t.Error(name)
		}
	}
}

// FuzzVerify: whatever is shown is refused as a wrong credential, or is signed with the secret.
func FuzzVerify(f *testing.F) {
	k := issuer.Shared(f, []byte(secret))
	token := k.Token(good(nil), nil)
	for _, seed := range []string{
		"", ".", "..", "...", token, token[:len(token)-1], token + "A", "a." + token, strings.Replace(token, ".", "..", 1), strings.Repeat("a", 9<<10),
		k.Token(good(nil), map[string]any{"alg": "none"}), k.Token(good(nil), map[string]any{"crit": []string{"b64"}, "b64": false}), "e30.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.AA",
		`{"payload":"e30","signatures":[]}`, "\x00.\xff.é", "eyJhbGciOiJub25lIn0.e30.", "bnVsbA.bnVsbA.bnVsbA",
	} {
		f.Add(seed)
	}
	v := sharing(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := v.Verify(t.Context(), text)
		var refusal *auth.Refusal
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Errorf("%q: %v is no refusal", text, err)
		case err != nil && (p.ID != "" || refusal.Reason == "" || refusal.Reason == auth.Missing):
			t.Errorf("%q: %+v, %+v", text, p, refusal)
		case err == nil && strings.Join(strings.Split(text, ".")[:2], ".") != strings.Join(strings.Split(token, ".")[:2], "."):
			t.Errorf("%q lets somebody in", text)
		}
	})
}

// FuzzReadSet: a set is read or refused, and has only keys that fit an algorithm.
func FuzzReadSet(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"keys":[]}`, `{"keys":[{}]}`, `{"keys":[null]}`, `{"keys":{}}`, `{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}`, `[]`, `{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"1"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := readSet(body)
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			for _, a := range k.algorithms {
				if !slices.Contains(agreed(), a) || k.key == nil {
					t.Errorf("%q has a key for %s", body, a)
				}
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for name, k := range map[string]issuer.Key{"shared": issuer.Shared(b, []byte(secret))} {
		b.Run(name+" once", func(b *testing.B) {
			v := sharing(b)
			token := []byte(k.Token(good(nil), nil))
			for b.Loop() {
				if _, _, err := v.verify(b.Context(), token, noon()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+" again", func(b *testing.B) {
			v, token := sharing(b), k.Token(good(nil), nil)
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
