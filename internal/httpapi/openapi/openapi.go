// Package openapi is the description of the API: an OpenAPI 3.1 document, and the same as a page to be read.
//
// It is written by hand in source, a file for each resource, and joined by internal/tools/openapi. The types of the bodies are
// made of it (internal/httpapi/wire). Tests hold it against the server: every route is described, every example is sent, and
// every answer of the tests is checked (testkit/contract).
package openapi

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strings"
)

//go:generate go run ../../tools/openapi -source source -out . -types ../../../bin/types.json
//go:generate go tool -modfile=../../../tools/api/go.mod oapi-codegen -config ../wire/oapi-codegen.yaml ../../../bin/types.json
//go:generate go run ../../tools/goclient ../../..

//go:embed openapi.json
var document string

//go:embed page.html
var page string

// Document is the description as JSON, in UTF-8.
func Document() string { return document }

// Page is the description as HTML that loads nothing and runs nothing.
func Page() string { return page }

// PagePolicy is the Content-Security-Policy that Page needs: nothing but its own style.
func PagePolicy() string {
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
