package httpapi

import (
	"encoding/json"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestPresence: what is left out, null and empty keep their meanings in the types that are made of the description.
func TestPresence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		want bool
		tell func(body []byte) (bool, error)
	}{
		{`{}`, false, scopesGiven},
		{`{"scopes":null}`, false, scopesGiven},
		{`{"scopes":[]}`, true, scopesGiven},
		{`{}`, false, timeGiven},
		{`{"schedule_at":null}`, false, timeGiven},
		{`{"schedule_at":""}`, true, timeGiven},
		{`{}`, false, audienceGiven},
		{`{"audience":null}`, false, audienceGiven},
		{`{"audience":{}}`, true, audienceGiven},
		{`{}`, false, secretsGiven},
		{`{"secrets":{}}`, true, secretsGiven},
	} {
		if got, err := c.tell([]byte(c.body)); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.body, got, err)
		}
	}
	for _, body := range []string{`{"filter":null}`, `{"all":null}`, `{"canary":null}`} {
		var in wire.ReplayInput
		if err := decodeJSON([]byte(body), &in, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func scopesGiven(body []byte) (bool, error) {
	var in wire.APIKeyInput
	err := decodeJSON(body, &in, nil)
	return in.Scopes != nil, err
}

func timeGiven(body []byte) (bool, error) {
	var in wire.PublishInput
	err := decodeJSON(body, &in, nil)
	return in.ScheduleAt != nil, err
}

func audienceGiven(body []byte) (bool, error) {
	var in wire.PublicationInput
	err := decodeJSON(body, &in, nil)
	return requestOf(in).Audience != nil, err
}

func secretsGiven(body []byte) (bool, error) {
	var in wire.ChannelInput
	err := decodeJSON(body, &in, nil)
	return in.Secrets != nil, err
}

// TestFormsThatStay: digests of these are compared with those of older builds, and clients go by what is shown.
func TestFormsThatStay(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		`{"title":null,"schedule_at":"","draft":null}`: wire.CloneInput{},
		`{"subject":"","html":"","text":""}`:           wire.TemplateSource{},
		`{"items":[]}`:                                 wire.TopicPage{Items: []wire.Topic{}},
		`{"path":"/a","to":null}`:                      wire.Difference{Path: "/a", To: json.RawMessage("null")},
		`{"type":"","title":"","status":0,"instance":"","correlation_id":""}`: wire.Problem{},
	} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRequestsComeBack: a request that is shown is the one that was read.
func TestRequestsComeBack(t *testing.T) {
	t.Parallel()
	text := `{"title":"t","publication_type":"digest","priority":"high","channels":["email"],"content_ids":["c"],"attachments":["a"],` +
		`"audience":{"topics":["go"],"exclude_subscriber_ids":["s"]},"template_ids":{"email":"i"},"sender_id":"x","schedule_at":"y",` +
		`"listed":false,"rate_per_minute":1,"data":{"k":1.5},"draft":true,"approval":true}`
	var in wire.PublicationInput
	if err := decodeJSON([]byte(text), &in, nil); err != nil {
		t.Fatal(err)
	}
	request := requestOf(in)
	kept, err := json.Marshal(request)
	if err != nil || string(kept) != text {
		t.Errorf("kept  %s, %v\nwant  %s", kept, err, text)
	}
	shown, err := json.Marshal(showRequest(request))
	if err != nil || string(shown) != text {
		t.Errorf("shown %s, %v\nwant  %s", shown, err, text)
	}
}
