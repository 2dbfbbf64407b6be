package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/audit"
	"github.com/presswork/presswork/internal/httpapi/wire"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// post sends a message with some members other than usual.
func (n *newsroom) post(changes map[string]any, headers ...string) answer {
	n.t.Helper()
	body := map[string]any{"to": map[string]any{"email": "ann@reader.example", "name": "Ann"}, "template": "plain", "data": map[string]any{"season": "spring"}}
	for name, value := range changes {
		body[name] = value
	}
	return n.do("POST", "/api/v1/messages", body, headers...)
}

func TestMessage(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	got := n.post(map[string]any{"template": n.template, "expires_at": inAnHour(), "track": true}).want(http.StatusAccepted)
	where := got.Header.Get("Location")
	accepted := read[wire.AcceptedMessage](got)
	if where != "/api/v1/messages/"+accepted.ID.String() {
		t.Errorf("it is at %s", where)
	}
	seen := read[wire.MessageSeen](n.do("GET", where, nil).want(http.StatusOK))
	m := seen.Message
	if m.State != wire.DeliveryStatePending || m.Reason != nil || m.PublicationState != wire.PublicationStateSending || m.Template != "plain" ||
		m.TemplateID == nil || m.TemplateID.String() != n.template || m.TemplateVersion != 1 || m.SubscriberID != nil || !m.Tracked ||
		m.ExpiresAt == nil || m.AttemptsUsed != 0 || m.SettledAt != nil || !m.CreatedAt.Equal(accepted.CreatedAt) {
		t.Errorf("%+v", m)
	}
	if d := seen.Delivery; d.Channel != wire.ChannelKindSeenEmail || d.State != wire.RecipientDeliveryStatePending || len(d.Attempts)+len(d.Events) != 0 {
		t.Errorf("%+v", d)
	}
	if body := n.do("GET", where, nil).Body; strings.Contains(body, "ann@") || strings.Contains(body, "spring") {
		t.Errorf("it shows what is personal: %s", body)
	}
	// It is a publication as well, which lists of publications leave out.
	n.do("GET", strings.Replace(where, "messages", "publications", 1), nil).want(http.StatusOK)
	for query, want := range map[string]int{"": 0, "?publication_type=transactional": 1, "?publication_type=digest": 0} {
		if items := read[wire.PublicationPage](n.do("GET", "/api/v1/publications"+query, nil).want(http.StatusOK)).Items; len(items) != want {
			t.Errorf("%s: %d publications", query, len(items))
		}
	}
}

// TestMessageAgain gets the first answer, also when it would be refused by now.
func TestMessageAgain(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	const key = "Idempotency-Key: order-7"
	first := n.post(nil, key).want(http.StatusAccepted)
	again := n.post(nil, key).want(http.StatusAccepted)
	if again.Body != first.Body || again.Header.Get("Idempotent-Replay") != "true" || first.Header.Get("Idempotent-Replay") != "" {
		t.Errorf("%s, then %s", first.Body, again.Body)
	}
	n.post(map[string]any{"data": map[string]any{"season": "autumn"}}, key).problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
	n.publish(nil, key).want(http.StatusAccepted) // a key belongs to its route
	n.do("PUT", "/api/v1/templates/"+n.template, `{"name":"renamed","languages":{"en":{"subject":"s","html":"<p>x</p>"}}}`, "If-Match: *").want(http.StatusOK)
	n.post(nil).problem(http.StatusUnprocessableEntity, "invalid_input")
	if late := n.post(nil, key).want(http.StatusAccepted); late.Body != first.Body {
		t.Errorf("%s, then %s", first.Body, late.Body)
	}
	n.post(nil, "Idempotency-Key: another").problem(http.StatusUnprocessableEntity, "invalid_input")
}

// TestMessageIsChecked names everything that is wrong, with pointers.
func TestMessageIsChecked(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	nobody := "01985a1e-7c00-7000-8000-0000000000ff"
	chat := read[wire.Template](n.do("POST", "/api/v1/templates", `{"name":"chat","channel":"slack","languages":{"en":{"text":"x"}}}`).want(http.StatusCreated)).ID
	for _, source := range []string{
		`{"name":"receipt","channel":"email","languages":{"en":{"subject":"{{ data.order.id }}","html":"{% for line in data.lines %}<p>{{ line.name }}</p>{% endfor %}"},
			"de":{"subject":"{{ data.order.id }}","html":"<p>{{ data.betrag }}</p>"}}}`,
		`{"name":"news","channel":"email","languages":{"en":{"subject":"s","html":"<p>{{ item.title }}</p>"}}}`,
	} {
		n.do("POST", "/api/v1/templates", source).want(http.StatusCreated)
	}
	to := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1] //nolint:forcetypeassert // written above
		}
		return map[string]any{"to": m}
	}
	for name, c := range map[string]struct {
		changes map[string]any
		want    string
	}{
		"nobody":            {to(), "/to one_of"},
		"both":              {to("email", "a@reader.example", "subscriber_id", n.reader), "/to one_of"},
		"no address":        {to("email", "nobody"), "/to/email invalid_email"},
		"unknown":           {to("subscriber_id", nobody), "/to/subscriber_id unknown_subscriber"},
		"no id":             {to("subscriber_id", "x"), "/to/subscriber_id format"},
		"another name":      {to("subscriber_id", n.reader, "name", "Ann", "timezone", "UTC"), "/to/name not_allowed; /to/timezone not_allowed"},
		"two lines":         {to("email", "a@reader.example", "name", "A\r\nBcc: b"), "/to/name format"},
		"long name":         {to("email", "a@reader.example", "name", strings.Repeat("x", 201)), "/to/name too_long"},
		"Mars":              {to("email", "a@reader.example", "timezone", "Mars"), "/to/timezone format"},
		"here":              {to("email", "a@reader.example", "timezone", "Local"), "/to/timezone format"},
		"no language":       {to("email", "a@reader.example", "language", "english please"), "/to/language language"},
		"no template":       {map[string]any{"template": " "}, "/template required"},
		"unknown name":      {map[string]any{"template": "nothing"}, "/template unknown_template"},
		"unknown template":  {map[string]any{"template": nobody}, "/template unknown_template"},
		"long template":     {map[string]any{"template": strings.Repeat("x", 201)}, "/template too_long"},
		"odd template":      {map[string]any{"template": "a\x01b"}, "/template format"},
		"of another kind":   {map[string]any{"template": chat}, "/template wrong_channel"},
		"unknown sender":    {map[string]any{"sender_id": nobody}, "/sender_id unknown_sender"},
		"past":              {map[string]any{"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at not_in_future"},
		"far":               {map[string]any{"expires_at": "2999-01-01T00:00:00Z"}, "/expires_at too_far"},
		"no time":           {map[string]any{"expires_at": "soon"}, "/expires_at format"},
		"no data":           {map[string]any{"data": nil}, "/data/season required"},
		"of many":           {map[string]any{"template": "receipt", "data": map[string]any{"lines": []any{}}}, "/data/betrag required; /data/order/id required"},
		"of lists":          {map[string]any{"template": "receipt", "data": map[string]any{"betrag": 1, "order": map[string]any{"id": 7}}}, "/data/lines required"},
		"what it never has": {map[string]any{"template": "news"}, "/template unknown_variable"},
		"large":             {map[string]any{"data": map[string]any{"season": strings.Repeat("x", 1<<16)}}, "/data too_long"},
	} {
		problem := read[wire.Problem](n.post(c.changes).want(http.StatusUnprocessableEntity))
		var got []string
		for _, f := range problem.Errors {
			got = append(got, f.Pointer+" "+f.Code)
		}
		slices.Sort(got)
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	n.post(map[string]any{"template": "receipt", "data": map[string]any{"betrag": 1, "order": map[string]any{"id": 7}, "lines": []any{}}}).want(http.StatusAccepted)
	n.post(map[string]any{"unknown": 1}).problem(http.StatusUnprocessableEntity, "invalid_input")
	n.do("POST", "/api/v1/messages?dry_run=true", `{}`).problem(http.StatusBadRequest, "invalid_query")
}

// TestMessageWithoutChannelOrSender is refused: it would wait for somebody to set one up.
func TestMessageWithoutChannelOrSender(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(d *Deps) { d.Acceptor = acceptor(t, d.Publications) })
	a.do("POST", "/api/v1/templates", `{"name":"plain","channel":"email","languages":{"en":{"subject":"s","html":"<p>x</p>"}}}`).want(http.StatusCreated)
	problem := read[wire.Problem](a.do("POST", "/api/v1/messages", `{"to":{"email":"a@reader.example"},"template":"plain"}`).want(http.StatusUnprocessableEntity))
	if len(problem.Errors) != 2 || problem.Errors[0].Code != "no_default_sender" || problem.Errors[1].Code != "no_enabled_channel" {
		t.Errorf("%+v", problem)
	}
}

// TestMessageToASubscriber: an address that is a subscriber's is that subscriber, who need not have consented to anything.
func TestMessageToASubscriber(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.do("PUT", "/api/v1/subscribers/"+n.reader, `{"email":"a@example.org","status":"unsubscribed"}`, "If-Match: *").want(http.StatusOK)
	for name, to := range map[string]map[string]any{
		"by id": {"subscriber_id": n.reader}, "by address": {"email": " A@Example.org "}, "in another language": {"subscriber_id": n.reader, "language": "de"},
	} {
		got := n.post(map[string]any{"to": to}).want(http.StatusAccepted)
		m := read[wire.MessageSeen](n.do("GET", got.Header.Get("Location"), nil).want(http.StatusOK)).Message
		if m.SubscriberID == nil || m.SubscriberID.String() != n.reader {
			t.Errorf("%s: %+v", name, m)
		}
	}
	list := read[wire.MessagePage](n.do("GET", "/api/v1/messages?subscriber_id="+n.reader+"&total=true", nil).want(http.StatusOK))
	if len(list.Items) != 3 || list.Total == nil || *list.Total != 3 {
		t.Errorf("%+v", list)
	}
}

func TestMessageIsCancelled(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	where := n.post(nil).want(http.StatusAccepted).Header.Get("Location")
	if m := read[wire.MessageSeen](n.do("POST", where+"/cancel", nil).want(http.StatusAccepted)).Message; m.PublicationState != wire.PublicationStateCancelling {
		t.Errorf("%+v", m)
	}
	if err := n.db.AdvanceOpen(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := read[wire.MessageSeen](n.do("POST", where+"/cancel", nil).want(http.StatusAccepted)).Message
	if m.State != wire.DeliveryStateSkipped || *m.Reason != wire.DeliveryReasonCancelled || m.PublicationState != wire.PublicationStateCancelled {
		t.Errorf("%+v", m)
	}
	sent := n.post(nil).want(http.StatusAccepted).Header.Get("Location")
	pool := dbtest.Connect(t, n.address)
	if _, err := pool.Exec(t.Context(), `UPDATE publication SET state = 'completed' WHERE state = 'sending'`); err != nil {
		t.Fatal(err)
	}
	n.do("POST", sent+"/cancel", nil).problem(http.StatusConflict, "wrong_state")
	other := n.publish(nil).want(http.StatusAccepted).Header.Get("Location")
	n.do("POST", strings.Replace(other, "publications", "messages", 1)+"/cancel", nil).problem(http.StatusNotFound, "not_found")
	n.do("GET", strings.Replace(other, "publications", "messages", 1), nil).problem(http.StatusNotFound, "not_found")
	n.do("POST", "/api/v1/messages/01985a1e-7c00-7000-8000-0000000000ff/cancel", nil).problem(http.StatusNotFound, "not_found")
}

// TestMessagesAreListed with those that Presswork writes itself, the newest first, page by page.
func TestMessagesAreListed(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.publish(nil).want(http.StatusAccepted)
	for range 3 {
		n.post(nil).want(http.StatusAccepted)
	}
	uid, err := n.db.SendLetter(audit.WithActor(t.Context(), "pages"), letter.Letter{Kind: letter.PreferenceLink, Email: "ann@reader.example",
		Data: map[string]any{letter.Link: "https://house.example/p/preferences/s3cret"}})
	if err != nil {
		t.Fatal(err)
	}
	first := n.do("GET", "/api/v1/messages?limit=3&total=true", nil).want(http.StatusOK)
	if strings.Contains(first.Body, "s3cret") || strings.Contains(first.Body, "ann@") {
		t.Errorf("it shows what is personal: %s", first.Body)
	}
	page := read[wire.MessagePage](first)
	if len(page.Items) != 3 || *page.Total != 4 || page.Items[0].ID != uid || page.Items[0].Template != "system/preference_link" ||
		page.Items[0].TemplateID != nil || page.Items[0].TemplateVersion != 0 || page.Items[0].CreatedBy != "pages" {
		t.Fatalf("%+v", page)
	}
	if rest := read[wire.MessagePage](n.do("GET", "/api/v1/messages?limit=3&cursor="+page.Next, nil).want(http.StatusOK)); len(rest.Items) != 1 || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	for query, want := range map[string]int{
		"template_id=" + n.template: 3, "publication_state=sending": 4, "publication_state=completed,failed": 0,
		"since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 0, "since=2020-01-01T00:00:00Z": 4, "subscriber_id=" + n.reader: 0,
	} {
		if got := read[wire.MessagePage](n.do("GET", "/api/v1/messages?total=true&"+query, nil).want(http.StatusOK)); len(got.Items) != want || *got.Total != int64(want) {
			t.Errorf("%s: %d of %d", query, len(got.Items), *got.Total)
		}
	}
	for _, query := range []string{"state=sent", "publication_state=lost", "template_id=x", "subscriber_id=", "since=then", "limit=0"} {
		n.do("GET", "/api/v1/messages?"+query, nil).problem(http.StatusBadRequest, "invalid_query")
	}
}

// TestTemplatesOfLetters: what replaces the text of a letter has to show its link, and reads nothing that letters do not have.
func TestTemplatesOfLetters(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	compose := func(name, kind, html, text string) answer {
		source := map[string]any{"subject": "s", "html": html, "text": text}
		if kind != "email" {
			source = map[string]any{"text": text}
		}
		return n.do("POST", "/api/v1/templates", map[string]any{"name": name, "channel": kind, "languages": map[string]any{"en": source}})
	}
	const link = `<a href="{{ data.link }}">x</a>`
	for name, c := range map[string]struct{ name, kind, html, text, want string }{
		"no letter":     {"system/invoice", "email", link, "", "/name reserved"},
		"a chat":        {"system/resubscribe", "slack", "", "{{ data.link }}", "/channel not_allowed"},
		"no link":       {"system/resubscribe", "email", "<p>x</p>", "", "/languages/en/html required"},
		"no link below": {"system/resubscribe", "email", link, "x", "/languages/en/text required"},
		"more data":     {"system/resubscribe", "email", link + "{{ data.order }}", "", "/languages/en/html unknown_variable"},
		"contents":      {"system/resubscribe", "email", link + "{{ item.title }}", "", "/languages/en/html unknown_variable"},
	} {
		problem := read[wire.Problem](compose(c.name, c.kind, c.html, c.text).want(http.StatusUnprocessableEntity))
		if len(problem.Errors) != 1 || problem.Errors[0].Pointer+" "+problem.Errors[0].Code != c.want {
			t.Errorf("%s: %+v", name, problem.Errors)
		}
	}
	made := read[wire.Template](compose("system/resubscribe", "email", link+"{% if data.until is defined %}{{ data.until }}{% endif %}", "{{ data.link }}").want(http.StatusCreated))
	change := `{"name":"system/resubscribe","languages":{"en":{"subject":"s","html":"<p>x</p>"}}}`
	n.do("PUT", "/api/v1/templates/"+made.ID.String(), change, "If-Match: *").problem(http.StatusUnprocessableEntity, "invalid_input")
}
