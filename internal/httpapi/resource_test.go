package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/seal"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	where := a.do("POST", "/api/v1/topics", `{"name":"World News"}`).location()
	got := read[wire.Topic](a.do("GET", where, nil).want(200))
	if got.Slug != "world news" || got.Name != "World News" {
		t.Errorf("got %+v", got)
	}
	a.do("POST", "/api/v1/topics", `{"name":"Other","slug":"World  news"}`).problem(409, "already_exists")
	a.do("POST", "/api/v1/topics", `{}`).problem(422, "invalid_input", "/name required")
	a.do("POST", "/api/v1/topics", `{"name":"c++"}`).problem(422, "invalid_input", "/slug format")
	renamed := read[wire.Topic](a.do("PUT", where, `{"name":"The World"}`, "If-Match: *").want(200))
	if renamed.Name != "The World" || renamed.Slug != "world news" {
		t.Errorf("renamed %+v", renamed)
	}
	a.do("PUT", where, `{"name":""}`, "If-Match: *").problem(422, "invalid_input", "/name required")
	if r := a.do("DELETE", where, nil).want(204); r.Body != "" {
		t.Errorf("body %q", r.Body)
	}
	a.do("DELETE", where, nil).problem(404, "not_found")
}

func TestBrands(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	desk := a.do("POST", "/api/v1/senders", `{"name":"desk","from_name":"Desk","from_email":"desk@example.org","postal_address":"Street 1"}`).location()
	id := desk[strings.LastIndex(desk, "/")+1:]
	body := map[string]any{"name": "The Daily", "postal_address": "Street 2", "color": "#FFCC00", "sender_id": id}
	where := a.do("POST", "/api/v1/brands", body).location()
	got := read[wire.Brand](a.do("GET", where, nil).want(200))
	if got.Slug != "the daily" || got.Color != "#ffcc00" || got.TextColor != "#000000" || got.SenderID == nil || got.SenderID.String() != id {
		t.Errorf("got %+v", got)
	}
	if of := read[wire.Sender](a.do("GET", desk, nil).want(200)); of.BrandID == nil || *of.BrandID != got.ID {
		t.Errorf("its sender is %+v", of)
	}
	a.do("POST", "/api/v1/brands", body).problem(409, "already_exists")
	body["link_color"], body["sender_id"] = "#ffcc00", "x"
	a.do("PUT", where, body, "If-Match: *").problem(422, "invalid_input", "/link_color contrast", "/sender_id format")
	delete(body, "link_color")
	delete(body, "sender_id")
	a.do("PUT", where, body).problem(428, "precondition_required")
	a.do("PUT", where, body, `If-Match: "7"`).problem(412, "version_mismatch")
	body["name"] = "Renamed"
	if got := read[wire.Brand](a.do("PUT", where, body, `If-Match: "1"`).want(200)); got.Slug != "the daily" || got.Name != "Renamed" || got.SenderID != nil {
		t.Errorf("got %+v", got)
	}
	a.do("POST", "/api/v1/senders", `{"name":"x","from_name":"x","from_email":"x@x.org","brand_id":"x"}`).problem(422, "invalid_input", "/postal_address required", "/brand_id format")
	bare := a.do("POST", "/api/v1/senders", `{"name":"x","from_name":"x","from_email":"x@x.org","brand_id":"`+got.ID.String()+`"}`).location()
	a.do("DELETE", where, nil).problem(409, "in_use")
	a.do("DELETE", bare, nil).want(204)
	a.do("DELETE", where, nil).want(204)
	a.do("GET", where, nil).problem(404, "not_found")
}

func TestSenders(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	body := map[string]any{"name": "desk", "from_name": "The Desk", "from_email": "Desk@EXAMPLE.org", "postal_address": "Street 1"}
	first := a.do("POST", "/api/v1/senders", body).location()
	body["name"], body["default"] = "other", true
	second := a.do("POST", "/api/v1/senders", body).location()
	if got := read[wire.Sender](a.do("GET", first, nil).want(200)); got.Default || got.FromEmail != "desk@example.org" {
		t.Errorf("got %+v", got)
	}
	a.do("POST", "/api/v1/senders", body).problem(409, "already_exists")
	body["name"], body["reply_to"] = "desk", "no"
	a.do("PUT", first, body, "If-Match: *").problem(422, "invalid_input", "/reply_to format")
	body["reply_to"] = "r@x.org"
	if got := read[wire.Sender](a.do("PUT", first, body, "If-Match: *").want(200)); !got.Default || got.ReplyTo != "r@x.org" {
		t.Errorf("got %+v", got)
	}
	if all := read[wire.SenderPage](a.do("GET", "/api/v1/senders", nil).want(200)); len(all.Items) != 2 {
		t.Errorf("list %+v", all)
	}
	a.do("DELETE", second, nil).want(204)
}

func TestContents(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	body := map[string]any{"title": " Hello ", "body": "# Hi", "topics": []string{"Go"}, "language": "EN"}
	where := a.do("POST", "/api/v1/contents", body).location()
	r := a.do("GET", where, nil).want(200)
	got := read[wire.Content](r)
	if got.Title != "Hello" || got.Format != "markdown" || got.Quality != 0.5 || got.Version != 1 || got.Topics[0] != "go" || r.Header.Get("ETag") != `"1"` {
		t.Errorf("got %+v, %v", got, r.Header)
	}
	body["title"], body["quality"] = "Changed", 0
	a.do("PUT", where, body, `If-Match: "9"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	a.do("PUT", where, body, `If-Match: W/"1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	r = a.do("PUT", where, body, `If-Match: "7", "1"`).want(200)
	if got := read[wire.Content](r); got.Title != "Changed" || got.Quality != 0 || got.Version != 2 || r.Header.Get("ETag") != `"2"` {
		t.Errorf("got %+v", got)
	}
	if old := read[wire.Content](a.do("GET", where+"/versions/1", nil).want(200)); old.Title != "Hello" {
		t.Errorf("old %+v", old)
	}
	for _, version := range []string{"0", "3", "x", "99999999999"} {
		a.do("GET", where+"/versions/"+version, nil).problem(404, "not_found")
	}
	a.do("POST", "/api/v1/contents", map[string]any{
		"title": strings.Repeat("x", 201), "format": "pdf", "url": "javascript:x", "topics": []string{"a/b"}, "quality": 2,
	}).problem(422, "invalid_input")
	list := read[wire.ContentPage](a.do("GET", "/api/v1/contents", nil).want(200))
	if len(list.Items) != 1 || list.Items[0].Body != "" {
		t.Errorf("list %+v", list)
	}
	a.do("DELETE", where, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	a.do("DELETE", where, nil, `If-Match: "2"`).want(204)
}

// A body of the longest length goes in however a client's JSON library escapes it.
func TestContentOfTheLongestBody(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	emoji := strings.Repeat("\\ud83d\\ude00", content.MaxBody)
	got := read[wire.Content](a.do("POST", "/api/v1/contents", `{"title":"Long","body":"`+emoji+`"}`).want(http.StatusCreated))
	if n := utf8.RuneCountInString(got.Body); n != content.MaxBody {
		t.Errorf("%d characters", n)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	good := map[string]any{"subject": "{{ publication.title }}", "html": "<p>Hi {{ subscriber.name }}</p>"}
	body := map[string]any{"name": "plain", "channel": "email", "languages": map[string]any{"en": good, "DE": good}}
	where := a.do("POST", "/api/v1/templates", body).location()
	r := a.do("GET", where, nil).want(200)
	if got := read[wire.Template](r); got.Version != 1 || len(got.Languages) != 2 || got.Languages["de"].HTML == "" || r.Header.Get("ETag") != `"1"` {
		t.Errorf("got %+v", got)
	}
	a.do("POST", "/api/v1/templates", body).problem(409, "already_exists")
	body["languages"] = map[string]any{"en": good}
	a.do("PUT", where, body, `If-Match: "2"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	if got := read[wire.Template](a.do("PUT", where, body, `If-Match: "1"`).want(200)); got.Version != 2 || len(got.Languages) != 1 {
		t.Errorf("got %+v", got)
	}
	body["channel"] = "slack"
	a.do("PUT", where, body, "If-Match: *").problem(422, "invalid_input", "/channel fixed")
	heads := read[wire.TemplateHeadPage](a.do("GET", "/api/v1/templates", nil).want(200))
	if len(heads.Items) != 1 || !slices.Equal(heads.Items[0].Languages, []string{"en"}) {
		t.Errorf("list %+v", heads)
	}
	for _, language := range []string{"und", "en-x-" + strings.Repeat("abcdefgh-", 400) + "a"} {
		languages := map[string]any{language: good}
		a.do("POST", "/api/v1/templates", map[string]any{"name": "odd", "channel": "email", "languages": languages}).problem(422, "invalid_input")
	}
	a.do("POST", "/api/v1/templates", map[string]any{"name": "a\nb", "channel": "email", "languages": body["languages"]}).
		problem(422, "invalid_input", "/name format")
	a.do("DELETE", where, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	a.do("DELETE", where, nil, `If-Match: *`).want(204)
}

func TestTemplateProblems(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	p := a.do("POST", "/api/v1/templates", map[string]any{"name": "", "channel": "email", "languages": map[string]any{
		"en":                  map[string]any{"subject": "{{ publication.titel }}", "html": "<p>\n {{ subscriber.nam }}{{ nothing }}</p>"},
		"de":                  map[string]any{"subject": "{% if %}", "html": "<p>{{ subscriber.name }</p>"},
		"xx-klingon-nonsense": map[string]any{"subject": "a", "html": "b"},
	}}).problem(422, "invalid_input", "/name length", "/languages/de/subject syntax", "/languages/de/html syntax",
		"/languages/en/subject unknown_variable", "/languages/en/html unknown_variable",
		"/languages/en/html unknown_variable", "/languages/xx-klingon-nonsense language")
	detail := ""
	for _, f := range p.Errors {
		detail += f.Detail + "\n"
	}
	for _, want := range []string{"line 1, column 4", "did you mean publication.title?", "line 2, column 5", "did you mean subscriber.name?"} {
		if !strings.Contains(detail, want) {
			t.Errorf("%q is not told in %s", want, detail)
		}
	}
	a.do("POST", "/api/v1/templates", `{"name":"x","channel":"email"}`).problem(422, "invalid_input", "/languages required")
	a.do("POST", "/api/v1/templates", `{"name":"x","channel":"fax","languages":{"en":{"text":"a"}}}`).problem(422, "invalid_input", "/channel unknown")
}

func TestChannels(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	body := map[string]any{"kind": "slack", "provider": "slack", "name": "chat",
		"settings": map[string]string{"channel": "C1"}, "secrets": map[string]string{"token": "very-secret"}}
	made := a.do("POST", "/api/v1/channels", body)
	where := made.location()
	got := read[wire.Channel](made)
	if !got.Enabled || got.Settings["channel"] != "C1" || !slices.Equal(got.SecretNames, []string{"token"}) {
		t.Errorf("got %+v", got)
	}
	a.do("POST", "/api/v1/channels", body).problem(409, "already_exists")
	delete(body, "secrets")
	body["name"] = "chat2"
	updated := a.do("PUT", where, body, "If-Match: *").want(200)
	if got := read[wire.Channel](updated); got.Name != "chat2" || !got.Enabled || !slices.Equal(got.SecretNames, []string{"token"}) || got.Version != 2 {
		t.Errorf("secrets left out stay: %+v", got)
	}
	off := a.do("POST", where+"/disable", nil).want(200)
	on := a.do("POST", where+"/enable", nil, `If-Match: "3"`).want(200)
	if read[wire.Channel](off).Enabled || !read[wire.Channel](on).Enabled {
		t.Errorf("off %s, on %s", off.Body, on.Body)
	}
	a.do("POST", where+"/disable", nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	all := a.do("GET", "/api/v1/channels", nil).want(200)
	for _, r := range []answer{made, updated, off, on, all, a.do("GET", where, nil)} {
		if strings.Contains(r.Body, "very-secret") {
			t.Errorf("a secret is shown: %s", r.Body)
		}
	}
	a.do("POST", "/api/v1/channels", `{"kind":"fax","provider":"slack","name":"A B","settings":{"x":"y"}}`).problem(422, "invalid_input",
		"/name format", "/kind unknown_channel", "/settings/channel required", "/settings/x unknown_field")
	a.do("POST", "/api/v1/channels", `{"kind":"slack","provider":"nobody","name":"x"}`).problem(422, "invalid_input", "/provider unknown_provider")
	a.do("DELETE", where, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	a.do("DELETE", where, nil).want(204)
}

// A channel whose secrets were sealed with a key that is lost hides no other, can be switched off, and works again
// once it is given others.
func TestChannelWithUnreadableSecrets(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	lost, err := seal.New(bytes.Repeat([]byte("x"), 32))
	if err != nil {
		t.Fatal(err)
	}
	made, err := a.db.Channels(lost).CreateChannel(t.Context(), channel.Channel{
		Kind: channel.Slack, Provider: "slack", Name: "chat", Enabled: true,
		Settings: map[string]string{"channel": "C1"}, Secrets: map[string]string{"token": "t"},
	})
	if err != nil {
		t.Fatal(err)
	}
	where := "/api/v1/channels/" + made.UID.String()
	all := read[wire.ChannelPage](a.do("GET", "/api/v1/channels", nil).want(200))
	if len(all.Items) != 1 || !all.Items[0].SecretsUnreadable || len(all.Items[0].SecretNames) != 0 {
		t.Errorf("list %+v", all)
	}
	body := map[string]any{"kind": "slack", "provider": "slack", "name": "chat", "settings": map[string]string{"channel": "C1"}}
	a.do("PUT", where, body, "If-Match: *").problem(422, "invalid_input", "/secrets unreadable")
	if off := read[wire.Channel](a.do("POST", where+"/disable", nil).want(200)); off.Enabled || !off.SecretsUnreadable {
		t.Errorf("off %+v", off)
	}
	a.do("POST", where+"/enable", nil).problem(422, "invalid_input", "/secrets unreadable")
	body["secrets"] = map[string]string{"token": "new"}
	if got := read[wire.Channel](a.do("PUT", where, body, "If-Match: *").want(200)); got.SecretsUnreadable || !slices.Equal(got.SecretNames, []string{"token"}) {
		t.Errorf("mended %+v", got)
	}
	a.do("POST", where+"/enable", nil).want(200)
}

// TestHalfAKeyPair is refused when a channel is made and when it is changed.
func TestHalfAKeyPair(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	half := `{"kind":"email","provider":"ses","name":"mail","secrets":{"access_key_id":"an-id"}}`
	a.do("POST", "/api/v1/channels", half).problem(422, "invalid_input", "/secrets/secret_access_key required")
	where := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"ses","name":"mail","secrets":{"access_key_id":"an-id","secret_access_key":"x"}}`).location()
	a.do("PUT", where, `{"kind":"email","provider":"ses","name":"mail","secrets":{"secret_access_key":"x"}}`, "If-Match: *").problem(422, "invalid_input", "/secrets/access_key_id required")
	a.do("PUT", where, half, "If-Match: *").problem(422, "invalid_input", "/secrets/secret_access_key required")
	a.do("PUT", where, `{"kind":"email","provider":"ses","name":"mail","secrets":{}}`, "If-Match: *").want(200)
}

func TestPlaceholderInProduction(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Production = true })
	a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"p"}`).problem(409, "placeholder_channel")
	where := a.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"p","enabled":false}`).location()
	a.do("POST", where+"/enable", nil).problem(409, "placeholder_channel")
	a.do("PUT", where, `{"kind":"email","provider":"placeholder","name":"p","enabled":true}`, "If-Match: *").problem(409, "placeholder_channel")
	a.do("POST", where+"/disable", nil).want(200)
	bare := `{"kind":"slack","provider":"slack","name":"chat","settings":{"channel":"C1"},"enabled":`
	a.do("POST", "/api/v1/channels", bare+"true}").problem(409, "credentials_missing")
	bareOff := a.do("POST", "/api/v1/channels", bare+"false}").location()
	a.do("POST", bareOff+"/enable", nil).problem(409, "credentials_missing")
	development := newAPI(t)
	development.do("POST", "/api/v1/channels", `{"kind":"email","provider":"placeholder","name":"p"}`).want(201)
}

// TestUnrealCredentialsInProduction are refused wherever a channel would be switched on with them, by the secret's name and
// without its value; in development they are not.
func TestUnrealCredentialsInProduction(t *testing.T) {
	t.Parallel()
	production, development := newAPI(t, func(d *Deps) { d.Production = true }), newAPI(t)
	body := func(token string, enabled bool) string {
		return fmt.Sprintf(`{"kind":"slack","provider":"slack","name":"chat","settings":{"channel":"C1"},"secrets":{"token":%q},"enabled":%v}`, token, enabled)
	}
	off := production.do("POST", "/api/v1/channels", body("changeme-1234", false)).location()
	for token, why := range map[string]string{"changeme-1234": "token is a placeholder", "hunter2": "token has fewer than 8 characters", "password": "token is a default"} {
		for what, r := range map[string]answer{
			"create": production.do("POST", "/api/v1/channels", body(token, true)),
			"update": production.do("PUT", off, body(token, true), "If-Match: *"),
		} {
			r.problem(409, "credentials_refused")
			if !strings.Contains(r.Body, why) || strings.Contains(r.Body, token) && token != "password" {
				t.Errorf("%s: %s", what, r.Body)
			}
		}
		on := development.do("POST", "/api/v1/channels", body(token, true)).want(201)
		development.do("DELETE", on.Header.Get("Location"), nil).want(204)
	}
	production.do("POST", off+"/enable", nil).problem(409, "credentials_refused")
	production.do("PUT", off, body("k3J9vb2Q8x", true), "If-Match: *").want(200)
	production.do("POST", off+"/disable", nil).want(200)
	production.do("POST", off+"/enable", nil).want(200)
}

func TestSubscribers(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	where := a.do("POST", "/api/v1/subscribers", map[string]any{
		"email": "Anna@X.org", "name": "Anna", "topics": []string{"Go", "Art"}, "timezone": "Europe/Lisbon",
		"attributes": map[string]any{"city": "Faro", "age": 30, "vip": true},
	}).location()
	r := a.do("GET", where, nil).want(200)
	got := read[wire.Subscriber](r)
	if got.Email != "anna@x.org" || got.Status != "active" || got.ConsentSource != "api" || got.ConsentAt == nil ||
		!slices.Equal(got.Topics, []string{"art", "go"}) || got.Attributes["age"] != 30.0 || r.Header.Get("ETag") != `"1"` ||
		r.Header.Get("Cache-Control") != "no-store" || time.Since(*got.ConsentAt) > time.Hour {
		t.Errorf("got %+v, %v", got, r.Header)
	}
	a.do("POST", "/api/v1/subscribers", `{"email":"ANNA@x.org"}`).problem(409, "already_exists")
	p := a.do("POST", "/api/v1/subscribers", `{"email":"secret@","language":"??","timezone":"Mars","status":"x","topics":["/"],"attributes":{"a":[]}}`).
		problem(422, "invalid_input", "/email format", "/language format", "/timezone format", "/status unknown_status", "/topics/0 format", "/attributes/a format")
	if strings.Contains(fmt.Sprint(p), "secret") {
		t.Errorf("the problem shows the address: %v", p)
	}
	a.do("PUT", where, `{"email":"anna@x.org"}`, `If-Match: "2"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	off := read[wire.Subscriber](a.do("PUT", where, `{"email":"anna@x.org","status":"unsubscribed"}`, `If-Match: "1"`).want(200))
	if off.Version != 2 || off.RevokedAt == nil || off.Status != "unsubscribed" || len(off.Topics) != 0 {
		t.Errorf("unsubscribed %+v", off)
	}
	a.do("PUT", where, `{"email":"anna@x.org","status":"active"}`, "If-Match: *").problem(409, "confirmation_required")
	if kept := read[wire.Subscriber](a.do("PUT", where, `{"email":"anna@x.org","name":"A"}`, "If-Match: *").want(200)); kept.Status != "unsubscribed" {
		t.Errorf("a status left out changed: %+v", kept)
	}
	a.do("PUT", where, `{"email":"anna@x.org","status":"active","consent_source":"form"}`, "If-Match: *").problem(409, "confirmation_required")
	a.do("DELETE", where, nil, `If-Match: "1"`).problem(http.StatusPreconditionFailed, "version_mismatch")
	a.do("DELETE", where, nil).want(204)
	a.do("GET", where, nil).problem(404, "not_found")
}

func TestSubscriberFilters(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.do("POST", "/api/v1/subscribers", `{"email":"anna@x.org","topics":["go","art"]}`).want(201)
	a.do("POST", "/api/v1/subscribers", `{"email":"bea@x.org","topics":["go"],"status":"pending"}`).want(201)
	for query, want := range map[string]int{
		"": 2, "?email=ANN": 1, "?email=a%25": 0, "?topic=Go": 2, "?topic=art": 1, "?topic=none": 0,
		"?status=pending": 1, "?status=pending&topic=art": 0,
	} {
		if got := read[wire.SubscriberPage](a.do("GET", "/api/v1/subscribers"+query, nil).want(200)); len(got.Items) != want || got.Items == nil {
			t.Errorf("%s: %d, want %d", query, len(got.Items), want)
		}
	}
}

// Walking the pages of a list shows everything once, in the order of making.
func TestPages(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for i := range 7 {
		a.do("POST", "/api/v1/topics", fmt.Sprintf(`{"name":"t%d"}`, i)).want(201)
	}
	for _, limit := range []int{1, 3, 6, 7, 8, 200} {
		var seen []string
		path := fmt.Sprintf("/api/v1/topics?limit=%d", limit)
		for next := ""; ; {
			page := read[wire.TopicPage](a.do("GET", path+next, nil).want(200))
			if len(page.Items) > limit || len(page.Items) == 0 {
				t.Fatalf("limit %d: a page of %d", limit, len(page.Items))
			}
			for _, item := range page.Items {
				seen = append(seen, item.Name)
			}
			if page.Next == "" {
				break
			}
			next = "&cursor=" + page.Next
		}
		if want := []string{"t0", "t1", "t2", "t3", "t4", "t5", "t6"}; !slices.Equal(seen, want) {
			t.Errorf("limit %d: %v", limit, seen)
		}
	}
}
