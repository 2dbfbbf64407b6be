package httpapi

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/openapi"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

// bodyReader decodes a body, and has another place of its type.
type bodyReader func(body []byte) (got, other any, err error)

func readsAs[T any](body []byte) (got, other any, err error) {
	into := new(T)
	err = decodeJSON(body, into, nil)
	return into, new(T), err
}

// requestBodies is every type that handlers decode, with what decodes it.
func requestBodies() map[string]bodyReader {
	return map[string]bodyReader{
		"APIKeyInput":           readsAs[wire.APIKeyInput],
		"AddressInput":          readsAs[wire.AddressInput],
		"ReputationPolicyInput": readsAs[wire.ReputationPolicyInput],
		"SuppressionInput":      readsAs[wire.SuppressionInput],
		"ApproveInput":          readsAs[wire.ApproveInput],
		"BrandInput":            readsAs[wire.BrandInput],
		"ChannelInput":          readsAs[wire.ChannelInput],
		"CloneInput":            readsAs[wire.CloneInput],
		"ContentInput":          readsAs[wire.ContentInput],
		"DecisionInput":         readsAs[wire.DecisionInput],
		"MessageInput":          readsAs[wire.MessageInput],
		"PublicationChanges":    readsAs[wire.PublicationChanges],
		"PreferencesInput":      readsAs[wire.PreferencesInput],
		"PublicationInput":      readsAs[wire.PublicationInput],
		"PublishInput":          readsAs[wire.PublishInput],
		"RejectInput":           readsAs[wire.RejectInput],
		"ReplayInput":           readsAs[wire.ReplayInput],
		"RollbackInput":         readsAs[wire.RollbackInput],
		"RotateInput":           readsAs[wire.RotateInput],
		"SegmentChange":         readsAs[wire.SegmentChange],
		"SegmentInput":          readsAs[wire.SegmentInput],
		"SegmentTrial":          readsAs[wire.SegmentTrial],
		"SenderInput":           readsAs[wire.SenderInput],
		"SubscriberChanges":     readsAs[wire.SubscriberChanges],
		"SubscriberInput":       readsAs[wire.SubscriberInput],
		"TemplateChange":        readsAs[wire.TemplateChange],
		"TemplateInput":         readsAs[wire.TemplateInput],
		"TopicInput":            readsAs[wire.TopicInput],
		"DeliveryPolicyInput":   readsAs[wire.DeliveryPolicyInput],
		"TopicRename":           readsAs[wire.TopicRename],
		"WebhookEndpointInput":  readsAs[wire.WebhookEndpointInput],
		"WebhookEndpointNew":    readsAs[wire.WebhookEndpointNew],
		"WebhookRecoverInput":   readsAs[wire.WebhookRecoverInput],
		"WebhookRotateInput":    readsAs[wire.WebhookRotateInput],
	}
}

// readsAlike holds decoding to its promise: what the check of the form lets through is what encoding/json reads.
func readsAlike(t *testing.T, read bodyReader, body []byte) {
	t.Helper()
	got, other, err := read(body)
	if err != nil {
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind == fault.Internal || e.Detail == "The body does not fit." {
			t.Errorf("%T of %q: %v", got, body, err)
		}
		return
	}
	if err := json.Unmarshal(body, other); err != nil || !reflect.DeepEqual(got, other) {
		t.Errorf("%q: %+v, %+v, %v", body, got, other, err)
	}
}

// FuzzBodies reads anything as every body. It begins with the examples of the description, each read as all of them.
func FuzzBodies(f *testing.F) {
	bodies := requestBodies()
	schemas := describedBodies(f)
	for name := range bodies {
		for _, example := range schemas[name].Examples {
			f.Add([]byte(example))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range bodies {
			readsAlike(t, read, body)
		}
	})
}

// bodySchema is what these tests read of a schema.
type bodySchema struct {
	Ref        string                `json:"$ref"`
	Type       any                   `json:"type"`
	OneOf      []bodySchema          `json:"oneOf"`
	Properties map[string]bodySchema `json:"properties"`
	Required   []string              `json:"required"`
	Examples   []json.RawMessage     `json:"examples"`
}

func describedBodies(t testing.TB) map[string]bodySchema {
	t.Helper()
	var document struct {
		Components struct {
			Schemas map[string]bodySchema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(openapi.Document()), &document); err != nil {
		t.Fatal(err)
	}
	return document.Components.Schemas
}

// TestNullIsAsDescribed: null is taken where the description says so and nowhere else, but for lists and maps that are required,
// where it is as good as an empty one, and refused as that.
func TestNullIsAsDescribed(t *testing.T) {
	t.Parallel()
	schemas, tried := describedBodies(t), 0
	for name, read := range requestBodies() {
		for property, described := range schemas[name].Properties {
			if ref, ok := strings.CutPrefix(described.Ref, "#/components/schemas/"); ok {
				described = schemas[ref]
			}
			types, _ := described.Type.([]any)
			null := slices.Contains(types, any("null")) || slices.ContainsFunc(described.OneOf, func(s bodySchema) bool { return s.Type == "null" })
			empty := described.Type == "array" || described.Type == "object" && described.Properties == nil
			if empty && slices.Contains(schemas[name].Required, property) {
				continue
			}
			tried++
			if _, _, err := read([]byte(`{"` + property + `":null}`)); (err == nil) != null {
				t.Errorf("%s.%s: %v, and null is described: %t", name, property, err, null)
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d properties were tried", tried)
	}
}
