package openapi_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/presswork/presswork/internal/httpapi/openapi"
)

// TestDocumentIsValid holds the document against OpenAPI 3.1, and every example in it against its schema.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromData([]byte(openapi.Document()))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
}
