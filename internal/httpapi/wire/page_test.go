package wire_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/httpapi/openapi"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// TestPageIsDescribed: the one type that is written by hand has what the description's pages have.
func TestPageIsDescribed(t *testing.T) {
	t.Parallel()
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage `json:"properties"`
				Required   []string                   `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(openapi.Document()), &document); err != nil {
		t.Fatal(err)
	}
	page := reflect.TypeFor[wire.TopicPage]()
	for name, schema := range document.Components.Schemas {
		if item, ok := strings.CutSuffix(name, "Page"); !ok || len(document.Components.Schemas[item].Properties) == 0 {
			continue
		}
		if len(schema.Properties) != page.NumField() {
			t.Errorf("%s has %d properties", name, len(schema.Properties))
		}
		for i := range page.NumField() {
			property, options, _ := strings.Cut(page.Field(i).Tag.Get("json"), ",")
			if schema.Properties[property] == nil || slices.Contains(schema.Required, property) != (options == "") {
				t.Errorf("%s has another %s", name, property)
			}
		}
	}
}
