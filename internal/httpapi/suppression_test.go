package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/suppression"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestSuppressions(t *testing.T) {
	t.Parallel()
	hasher, err := suppression.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), dbtest.New(t), postgres.Options{MaxConns: 4, Addresses: hasher})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	a := serve(t, db, func(d *Deps) { d.Suppressions = db })
	first := a.do(http.MethodPost, "/api/v1/suppressions", `{"email":"Anna@Reader.example","note":"by telephone"}`)
	again := a.do(http.MethodPost, "/api/v1/suppressions", `{"email":"anna@reader.example"}`)
	if first.Status != http.StatusCreated || again.Status != http.StatusOK || first.Body != again.Body || strings.Contains(first.Body, "anna") {
		t.Errorf("%d %s, then %d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if !strings.Contains(first.Body, `"reason":"manual","source":"api","note":"by telephone"`) {
		t.Errorf("made %s", first.Body)
	}
	location := first.Header.Get("Location")
	if got := a.do(http.MethodGet, location, nil); got.Status != http.StatusOK || got.Body != first.Body {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	noted := a.do(http.MethodPost, "/api/v1/suppressions", `{"email":"anna@reader.example","note":"by letter"}`)
	if want := strings.Replace(first.Body, "by telephone", "by letter", 1); noted.Status != http.StatusOK || noted.Body != want {
		t.Errorf("with another note %d %s", noted.Status, noted.Body)
	}
	a.do(http.MethodPost, "/api/v1/suppressions", `{"email":"bert@reader.example"}`)
	if got := a.do(http.MethodGet, "/api/v1/suppressions?limit=1", nil); got.Status != http.StatusOK || !strings.Contains(got.Body, `"next":`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for email, want := range map[string]int{"anna@reader.example": 1, "carl@reader.example": 0} {
		got := a.do(http.MethodPost, "/api/v1/suppressions/lookup", `{"email":"`+email+`"}`)
		if got.Status != http.StatusOK || strings.Count(got.Body, `"id"`) != want {
			t.Errorf("%s: %d %s", email, got.Status, got.Body)
		}
	}
	for method, path := range map[string]string{http.MethodPost: "/api/v1/suppressions", http.MethodPut: "/api/v1/suppressions/lookup"} {
		want := map[string]int{http.MethodPost: http.StatusUnprocessableEntity, http.MethodPut: http.StatusMethodNotAllowed}[method]
		if got := a.do(method, path, `{"email":"nobody"}`); got.Status != want {
			t.Errorf("%s: %d %s", method, got.Status, got.Body)
		}
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if got := a.do(http.MethodDelete, location, nil); got.Status != want {
			t.Errorf("deleted: %d", got.Status)
		}
	}
	if got := a.do(http.MethodGet, location, nil); got.Status != http.StatusNotFound {
		t.Errorf("still there: %d", got.Status)
	}
}

// hookFunc is a hook that a test decides about.
type hookFunc func(body []byte) error

func (f hookFunc) Receive(_ context.Context, body []byte) error { return f(body) }

func TestSESHook(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) {
		d.SESHook = hookFunc(func(body []byte) error {
			if string(body) == "forged" {
				return fault.New(fault.Forbidden, "not_from_sns", "The message is not believed.")
			}
			return nil
		})
	})
	for body, want := range map[string]int{
		"genuine": http.StatusNoContent, "forged": http.StatusForbidden, strings.Repeat("x", limitSNS+1): http.StatusRequestEntityTooLarge,
	} {
		if got := a.do(http.MethodPost, "/hooks/ses", body, "Authorization:", "Content-Type: text/plain; charset=UTF-8"); got.Status != want {
			t.Errorf("%d %s, want %d", got.Status, got.Body, want)
		}
	}
	if got := newAPI(t).do(http.MethodPost, "/hooks/ses", "genuine"); got.Status != http.StatusNotFound {
		t.Errorf("without a topic: %d", got.Status)
	}
}
