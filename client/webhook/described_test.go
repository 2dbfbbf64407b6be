package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"testing"
)

// TestDescribedEventsAreTyped: every example of a webhook in the API's description is read into a type that loses nothing
// of it.
func TestDescribedEventsAreTyped(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../internal/httpapi/openapi/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Webhooks map[string]struct {
			Post struct {
				Body struct {
					Content map[string]struct {
						Example  json.RawMessage `json:"example"`
						Examples map[string]struct {
							Value json.RawMessage `json:"value"`
						} `json:"examples"`
					} `json:"content"`
				} `json:"requestBody"`
			} `json:"post"`
		} `json:"webhooks"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	examples := 0
	for name, hook := range document.Webhooks {
		for _, content := range hook.Post.Body.Content {
			list := []json.RawMessage{content.Example}
			for _, e := range content.Examples {
				list = append(list, e.Value)
			}
			for _, example := range list {
				if len(example) == 0 {
					continue
				}
				examples++
				e, err := Parse(http.Header{"Webhook-Id": {"m"}}, example)
				if _, raw := e.Data.(json.RawMessage); err != nil || raw || e.Type != name || e.Time.IsZero() {
					t.Errorf("%s: %+v, %v", name, e, err)
				}
				var sent struct{ Data map[string]any }
				if err := json.Unmarshal(example, &sent); err != nil {
					t.Fatal(err)
				}
				if got := fields(t, e.Data); !reflect.DeepEqual(got, sent.Data) {
					t.Errorf("%s: %v, want %v", name, got, sent.Data)
				}
			}
		}
	}
	if examples < len(document.Webhooks) || examples < 30 {
		t.Errorf("%d examples of %d webhooks", examples, len(document.Webhooks))
	}
}
