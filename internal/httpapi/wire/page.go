// Package wire has the types of all bodies of the API, requests and answers: made of the description, by which they are named.
//
// wire.gen.go is written by `go generate ./internal/httpapi/openapi`. A field that may be null is a pointer, a slice or a map, and
// nil for null; anything else that is left out is zero. Handlers decode and answer these types and no others
// (TestBodiesAreGenerated in httpapi).
package wire

// Page is the body of every list. Next is the cursor of the next page, absent on the last. Total and TotalIsEstimate are there
// if they were asked for.
type Page[T any] struct {
	Items           []T    `json:"items"`
	Next            string `json:"next,omitzero"`
	Total           *int64 `json:"total,omitzero"`
	TotalIsEstimate *bool  `json:"total_is_estimate,omitzero"`
}
