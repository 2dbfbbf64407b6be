package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// newKeyedAPI takes API keys as well as the admin key.
func newKeyedAPI(t *testing.T) *api {
	t.Helper()
	return newAPI(t, func(d *Deps) {
		store, ok := d.APIKeys.(auth.KeyStore)
		if !ok {
			t.Fatal("the store of keys finds none")
		}
		d.Auth = auth.NewGate(testKey, auth.NewKeys(store), nil)
	})
}

// makeKey makes a key by the API, as whoever has the text by ("": the admin key).
func (a *api) makeKey(by string, body map[string]any) wire.APIKeyMade {
	a.t.Helper()
	if by == "" {
		by = testKey
	}
	return read[wire.APIKeyMade](a.do("POST", "/api/v1/api-keys", body, "Authorization: Bearer "+by).want(http.StatusCreated))
}

// ends waits until something is over: a key that was seen is believed for a second.
func (a *api) ends(what string, over func() bool) {
	a.t.Helper()
	fixture.Until(a.t, time.Minute, what, func() (bool, string) { return over(), "still works" })
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	a := newKeyedAPI(t)
	r := a.do("POST", "/api/v1/api-keys", map[string]any{"name": "CMS", "role": "publisher", "scopes": []string{"topics:read", "topics:write"},
		"expires_at": "2999-01-01T00:00:00Z", "rate_per_hour": 100_000})
	made, at := read[wire.APIKeyMade](r.want(http.StatusCreated)), r.location()
	if made.Name != "CMS" || made.Role != "publisher" || strings.Join(made.Scopes, " ") != "topics:read topics:write" || made.RatePerHour != 100_000 ||
		made.ExpiresAt.Year() != 2999 || made.Version != 1 || made.CreatedBy != auth.AdminID || len(made.Secrets) != 1 || r.Header.Get("ETag") != `"1"` {
		t.Errorf("%s", r.Body)
	}
	prefix, _, ok := auth.ParseSecret(made.Key)
	if !ok || made.Secrets[0].Prefix != prefix {
		t.Errorf("the key %q", made.Key)
	}
	mine := "Authorization: Bearer " + made.Key
	a.do("POST", "/api/v1/topics", map[string]any{"name": "T", "slug": "t"}, mine).want(http.StatusCreated)
	a.do("GET", "/api/v1/contents", nil, mine).problem(http.StatusForbidden, "forbidden")
	a.do("GET", "/api/v1/api-keys", nil, mine).problem(http.StatusForbidden, "forbidden")
	events, err := a.db.ListAudit(t.Context(), 0, 10)
	if err != nil || len(events) != 2 || events[1].Actor != "key:"+made.ID.String() || events[0].Action != "api_key.create" {
		t.Errorf("audited %+v, %v", events, err)
	}

	// Never shown again.
	for _, r := range []answer{a.do("GET", at, nil), a.do("GET", "/api/v1/api-keys", nil)} {
		if r.want(http.StatusOK); strings.Contains(r.Body, made.Key) || strings.Contains(r.Body, `"key"`) || !strings.Contains(r.Body, prefix) {
			t.Errorf("%s", r.Body)
		}
	}
	for _, line := range a.log.All() {
		if strings.Contains(line.Message+strings.Join(values(line.ContextMap()), " "), made.Key) {
			t.Errorf("it is in the log: %v", line)
		}
	}

	update := map[string]any{"name": "CMS 2", "role": "publisher", "scopes": nil}
	a.do("PUT", at, update, `If-Match: "7"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	updated := read[wire.APIKeyMade](a.do("PUT", at, update, `If-Match: "1"`).want(http.StatusOK))
	if updated.Name != "CMS 2" || updated.Scopes != nil || updated.ExpiresAt != nil || updated.RatePerHour != 0 || updated.Version != 2 || updated.Key != "" {
		t.Errorf("%+v", updated)
	}
	a.do("POST", "/api/v1/api-keys", map[string]any{"name": "CMS 2", "role": "ops"}).problem(http.StatusConflict, "already_exists")
	a.do("POST", "/api/v1/api-keys", map[string]any{"name": "", "role": "root", "scopes": []string{"x"}, "expires_at": "2000-01-01T00:00:00Z", "rate_per_hour": -1}).
		problem(http.StatusUnprocessableEntity, "invalid_input", "/name required", "/role unknown", "/scopes/0 unknown", "/expires_at past", "/rate_per_hour range")
	a.do("GET", "/api/v1/api-keys/00000000-0000-7000-8000-000000000000", nil).problem(http.StatusNotFound, "not_found")
	a.do("PUT", "/api/v1/api-keys/nothing", update).problem(http.StatusNotFound, "not_found")
}

func values(m map[string]any) []string {
	var list []string
	for _, v := range m {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

// TestRotation: both texts work during the overlap, the new one alone without one.
func TestRotation(t *testing.T) {
	t.Parallel()
	a := newKeyedAPI(t)
	made := a.makeKey("", map[string]any{"name": "CMS", "role": "analyst"})
	at := "/api/v1/api-keys/" + made.ID.String()
	works := func(key string) bool {
		t.Helper()
		return a.do("GET", "/api/v1/topics", nil, "Authorization: Bearer "+key).Status == http.StatusOK
	}
	rotated := read[wire.APIKeyMade](a.do("POST", at+"/rotate", map[string]any{}).want(http.StatusOK))
	if rotated.Key == made.Key || rotated.Key == "" || rotated.ID != made.ID || len(rotated.Secrets) != 2 || rotated.Version != 2 {
		t.Errorf("%+v", rotated)
	}
	if left := time.Until(*rotated.Secrets[1].ExpiresAt); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the old one has %s", left)
	}
	if !works(made.Key) || !works(rotated.Key) {
		t.Error("not both work")
	}
	again := read[wire.APIKeyMade](a.do("POST", at+"/rotate", map[string]any{"overlap_seconds": 0}, `If-Match: "2"`).want(http.StatusOK))
	if !works(again.Key) || len(again.Secrets) != 1 {
		t.Errorf("%+v", again)
	}
	a.ends("the old ones", func() bool { return !works(made.Key) && !works(rotated.Key) })
	a.do("POST", at+"/rotate", map[string]any{"overlap_seconds": -1}).problem(http.StatusUnprocessableEntity, "invalid_input", "/overlap_seconds range")
	a.do("POST", at+"/rotate", map[string]any{"overlap_seconds": 30*24*3600 + 1}).problem(http.StatusUnprocessableEntity, "invalid_input", "/overlap_seconds range")
	a.do("POST", at+"/rotate", map[string]any{}, `If-Match: "2"`).problem(http.StatusPreconditionFailed, "version_mismatch")

	a.do("DELETE", at, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	for range 2 {
		a.do("DELETE", at, nil).want(http.StatusNoContent)
	}
	a.ends("the revoked one", func() bool { return !works(again.Key) })
	kept := read[wire.APIKeyMade](a.do("GET", at, nil).want(http.StatusOK))
	if kept.RevokedAt == nil || len(kept.Secrets) != 0 {
		t.Errorf("%+v", kept)
	}
	a.do("POST", at+"/rotate", map[string]any{}).problem(http.StatusConflict, "key_revoked")
	a.do("PUT", at, map[string]any{"name": "x", "role": "ops"}, "If-Match: *").problem(http.StatusConflict, "key_revoked")
}

// TestNoEscalation: who has a part of the admin's permissions makes and changes keys with that part, and no others.
func TestNoEscalation(t *testing.T) {
	t.Parallel()
	a := newKeyedAPI(t)
	admin := a.makeKey("", map[string]any{"name": "admin", "role": "admin"})
	part := a.makeKey("", map[string]any{"name": "part", "role": "admin", "scopes": []string{"api-keys:read", "api-keys:write", "topics:read"}})
	by := "Authorization: Bearer " + part.Key
	small := a.makeKey(part.Key, map[string]any{"name": "small", "role": "analyst", "scopes": []string{"topics:read"}})
	if small.CreatedBy != "key:"+part.ID.String() {
		t.Errorf("made by %s", small.CreatedBy)
	}
	for name, body := range map[string]map[string]any{
		"a role":              {"name": "x", "role": "admin"},
		"a smaller role":      {"name": "x", "role": "analyst"},
		"a scope":             {"name": "x", "role": "admin", "scopes": []string{"topics:read", "topics:write"}},
		"everything by scope": {"name": "x", "role": "admin", "scopes": []string{"subscribers:read"}},
	} {
		a.do("POST", "/api/v1/api-keys", body, by).problem(http.StatusForbidden, "forbidden")
		a.do("PUT", "/api/v1/api-keys/"+small.ID.String(), body, by, "If-Match: *").problem(http.StatusForbidden, "forbidden")
		if r := a.do("PUT", "/api/v1/api-keys/"+part.ID.String(), body, by, "If-Match: *"); r.Status != http.StatusForbidden {
			t.Errorf("%s for itself: %d", name, r.Status)
		}
	}
	theirs := "/api/v1/api-keys/" + admin.ID.String()
	fine := map[string]any{"name": "x", "role": "analyst", "scopes": []string{"topics:read"}}
	a.do("PUT", theirs, fine, by, "If-Match: *").problem(http.StatusForbidden, "forbidden")
	a.do("POST", theirs+"/rotate", map[string]any{}, by).problem(http.StatusForbidden, "forbidden")
	a.do("DELETE", theirs, nil, by).problem(http.StatusForbidden, "forbidden")
	a.do("PUT", "/api/v1/api-keys/"+small.ID.String(), fine, by, "If-Match: *").want(http.StatusOK)
	a.do("DELETE", "/api/v1/api-keys/"+small.ID.String(), nil, by).want(http.StatusNoContent)
	a.do("GET", "/api/v1/topics", nil, "Authorization: Bearer "+admin.Key).want(http.StatusOK)
}

func TestListAPIKeys(t *testing.T) {
	t.Parallel()
	a := newKeyedAPI(t)
	for _, name := range []string{"a", "b", "c"} {
		a.makeKey("", map[string]any{"name": name, "role": "ops"})
	}
	first := read[wire.APIKeyPage](a.do("GET", "/api/v1/api-keys?limit=2", nil).want(http.StatusOK))
	rest := read[wire.APIKeyPage](a.do("GET", "/api/v1/api-keys?limit=2&cursor="+first.Next, nil).want(http.StatusOK))
	if len(first.Items) != 2 || len(rest.Items) != 1 || first.Items[0].Name != "a" || rest.Items[0].Name != "c" || rest.Next != "" {
		t.Errorf("%+v, %+v", first, rest)
	}
}
