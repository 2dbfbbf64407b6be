package webhook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/httpapi/openapi"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/testkit/contract"
	"github.com/presswork/presswork/internal/webhook"
)

// described is the part of the description of the API that is about events.
type described struct {
	Webhooks map[string]struct {
		Post struct {
			Description string `json:"description"`
			Body        struct {
				Content map[string]struct {
					Example json.RawMessage `json:"example"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"post"`
	} `json:"webhooks"`
}

// TestEveryTypeIsDescribed: what the catalogue has is in the description of the API and on the page about events, in the same
// words, and nothing else is. The example of each is what the type's data is.
func TestEveryTypeIsDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/webhook-events.md")
	if err != nil {
		t.Fatal(err)
	}
	var d described
	if err := json.Unmarshal([]byte(openapi.Document()), &d); err != nil {
		t.Fatal(err)
	}
	delete(d.Webhooks, "publication.published") // what the channel posts, which is no event
	for _, k := range webhook.Types() {
		post := d.Webhooks[string(k.Type)].Post
		delete(d.Webhooks, string(k.Type))
		if post.Description != k.About {
			t.Errorf("%s is described as %q, want %q", k.Type, post.Description, k.About)
		}
		if !strings.Contains(string(page), "\n| `"+string(k.Type)+"` | "+k.About+" |\n") {
			t.Errorf("%s is not on the page", k.Type)
		}
		checkExample(t, k, post.Body.Content[webhook.ContentType].Example)
	}
	for name := range d.Webhooks {
		t.Errorf("%s is described and no type", name)
	}
}

// checkExample decodes an example, encodes it again and finds the same.
func checkExample(t *testing.T, k webhook.Kind, example []byte) {
	t.Helper()
	var e struct {
		ID      ident.UID       `json:"id"`
		Source  string          `json:"source"`
		Type    webhook.Type    `json:"type"`
		Subject string          `json:"subject"`
		Time    time.Time       `json:"time"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(example, &e); err != nil {
		t.Fatalf("%s: %v in %s", k.Type, err, example)
	}
	data := reflect.New(reflect.TypeOf(k.Data)).Interface()
	decoder := json.NewDecoder(bytes.NewReader(e.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(data); err != nil {
		t.Fatalf("%s: %v", k.Type, err)
	}
	body, err := webhook.Event{UID: e.ID, Type: k.Type, Subject: e.Subject, At: e.Time, Data: data}.Encode(e.Source)
	if err != nil {
		t.Fatal(err)
	}
	contract.VerifyEvent(t, string(k.Type), body)
	var got, want any
	if json.Unmarshal(body, &got) != nil || json.Unmarshal(example, &want) != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is encoded as\n%s\nand not as\n%s", k.Type, body, example)
	}
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	list := webhook.Subscriptions()
	seen := make(map[string]bool)
	for _, name := range list {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	for name, want := range map[string]bool{"publication.*": true, "delivery.clicked": true, "webhook_endpoint.*": true,
		"presswork.test": false, "presswork.*": false, "*": false, "publication": false} {
		if seen[name] != want {
			t.Errorf("%s can be asked for: %t", name, seen[name])
		}
	}
	if !webhook.DeliverySent.Takes(nil) || !webhook.DeliverySent.Takes([]string{"channel.*", "delivery.*"}) ||
		webhook.DeliverySent.Takes([]string{"delivery.failed", "channel.*"}) {
		t.Error("who asks for it does not get it, or who does not does")
	}
}

// TestEncodedAlike: what is stored is posted in the same bytes each time, and subjects lead to the API.
func TestEncodedAlike(t *testing.T) {
	t.Parallel()
	publication, recipient := ident.New(), ident.New()
	e := webhook.Event{UID: ident.New(), Type: webhook.DeliverySent, Subject: webhook.RecipientOf(publication, &recipient),
		At: time.Date(2030, 1, 31, 10, 0, 0, 1000, time.FixedZone("", 3600)), Data: json.RawMessage(`{"state": "sent"}`)}
	first, err := e.Encode("https://news.example.com")
	second, again := e.Encode("https://news.example.com")
	want := `{"specversion":"1.0","id":"` + e.UID.String() + `","source":"https://news.example.com","type":"delivery.sent","subject":"publications/` +
		publication.String() + `/recipients/` + recipient.String() + `","time":"2030-01-31T09:00:00.000001Z","datacontenttype":"application/json","data":{"state":"sent"}}`
	if err != nil || again != nil || string(first) != want || !bytes.Equal(first, second) {
		t.Errorf("%v, %v\n%s\n%s, want\n%s", err, again, first, second, want)
	}
	if got := webhook.RecipientOf(publication, nil); got != "publications/"+publication.String() {
		t.Error(got)
	}
	if _, err := (webhook.Event{Type: webhook.Test, Data: func() {}}).Encode(""); err == nil {
		t.Error("encodes what is no data")
	}
}
