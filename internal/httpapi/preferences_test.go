package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// testLinks are links that lead nowhere.
type testLinks struct{}

func (testLinks) ConfirmLink(subscriber, request int64, _ time.Time) string {
	return "https://news.example.com/p/confirm/" + strconv.FormatInt(subscriber, 10) + "." + strconv.FormatInt(request, 10)
}

func (testLinks) PreferLink(subscriber int64, _ time.Time) string {
	return "https://news.example.com/p/preferences/" + strconv.FormatInt(subscriber, 10)
}

// TestPreferences are read with the subscriber's version and replaced as a whole.
func TestPreferences(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	where := a.do("POST", "/api/v1/subscribers", `{"email":"ann@x.org","topics":["go","art"],"language":"de"}`).location()
	got := a.do("GET", where+"/preferences", nil).want(http.StatusOK)
	if p := read[wire.Preferences](got); p.Frequency != "each" || p.Language != "de" || len(p.Topics) != 2 || p.Status != "active" || p.QuietHours != nil ||
		p.PausedUntil != nil || len(p.ChannelsOff) != 0 || got.Header.Get("ETag") != `"1"` {
		t.Errorf("%s with %s", got.Body, got.Header.Get("ETag"))
	}
	until := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	body := `{"topics":["go"],"channels_off":["newsletter","newsletter"],"frequency":"weekly","paused_until":"` + until +
		`","quiet_hours":{"from":"22:30","to":"07:00"},"language":"ar","timezone":"Asia/Riyadh"}`
	a.do("PUT", where+"/preferences", body).problem(http.StatusPreconditionRequired, "precondition_required")
	p := read[wire.Preferences](a.do("PUT", where+"/preferences", body, `If-Match: "1"`).want(http.StatusOK))
	if p.Version != 2 || p.Frequency != "weekly" || strings.Join(p.ChannelsOff, " ") != "newsletter" || *p.QuietHours != (wire.QuietHours{From: "22:30", To: "07:00"}) ||
		p.PausedUntil.Format(time.RFC3339) != until || p.Timezone != "Asia/Riyadh" {
		t.Errorf("%+v", p)
	}
	if s := read[wire.Subscriber](a.do("GET", where, nil).want(http.StatusOK)); s.RevokedAt == nil || s.Version != 2 || strings.Join(s.Topics, " ") != "go" {
		t.Errorf("less is wanted, and the subscriber is %+v", s)
	}
	a.do("PUT", where+"/preferences", body, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	if again := read[wire.Preferences](a.do("PUT", where+"/preferences", body, `If-Match: *`).want(http.StatusOK)); again.Version != 2 {
		t.Errorf("the same again is version %d", again.Version)
	}
	wrong := a.do("PUT", where+"/preferences", `{"channels_off":["email","fax","slack"],"frequency":"daily","paused_until":"2999-01-01T00:00:00Z","quiet_hours":{"from":"7","to":"24:00"},
		"language":"x","timezone":"Mars/Crater","topics":[""]}`, `If-Match: *`)
	for _, pointer := range []string{"/channels_off/1", "/channels_off/2", "/paused_until", "/quiet_hours/from", "/quiet_hours/to", "/language", "/timezone", "/topics/0"} {
		if wrong.Status != http.StatusUnprocessableEntity || !strings.Contains(wrong.Body, `"`+pointer+`"`) {
			t.Errorf("%s is not named in %d %s", pointer, wrong.Status, wrong.Body)
		}
	}
	a.do("GET", "/api/v1/subscribers/01985a1e-7c00-7000-8000-000000000099/preferences", nil).problem(http.StatusNotFound, "not_found")
}

// TestAskToConfirm: nobody but the reader can bring back who unsubscribed; a letter asks them, a few times within a day.
func TestAskToConfirm(t *testing.T) {
	t.Parallel()
	a := onDatabase(t, dbtest.New(t), postgres.Options{MaxConns: 4})
	a.do("POST", "/api/v1/senders", `{"name":"Desk","from_name":"Desk","from_email":"desk@news.example.com","postal_address":"Street 1","default":true}`).want(http.StatusCreated)
	where := a.do("POST", "/api/v1/subscribers", `{"email":"ann@x.org"}`).location()
	a.do("POST", where+"/confirmation", nil).problem(http.StatusConflict, "already_active")
	a.do("PUT", where, `{"email":"ann@x.org","status":"unsubscribed"}`, "If-Match: *").want(http.StatusOK)
	for _, body := range []string{`{"email":"ann@x.org","status":"active"}`, `{"email":"ann@x.org","status":"pending","consent_source":"fair"}`} {
		a.do("PUT", where, body, "If-Match: *").problem(http.StatusConflict, "confirmation_required")
	}
	listed := a.do("POST", "/api/v1/suppressions", `{"email":"ann@x.org"}`).location()
	a.do("POST", where+"/confirmation", nil).problem(http.StatusConflict, "address_suppressed")
	a.do("DELETE", listed, nil).want(http.StatusNoContent)
	for range 3 {
		a.do("POST", where+"/confirmation", nil).want(http.StatusNoContent)
	}
	a.do("POST", where+"/confirmation", nil).problem(http.StatusConflict, "asked_enough")
	if s := read[wire.Subscriber](a.do("GET", where, nil).want(http.StatusOK)); s.Status != "unsubscribed" {
		t.Errorf("by being asked they became %s", s.Status)
	}
	a.do("POST", "/api/v1/subscribers/01985a1e-7c00-7000-8000-000000000099/confirmation", nil).problem(http.StatusNotFound, "not_found")
}
