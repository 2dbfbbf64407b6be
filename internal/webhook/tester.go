package webhook

import (
	"context"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// testTime is how long an endpoint may take to answer a test.
const testTime = 5 * time.Second

// Tester posts tests.
type Tester struct {
	Caller Caller
	// Source names this installation in events: PUBLIC_URL.
	Source string
}

// Test posts a test to an endpoint, signed as everything else. The error is a Conflict "endpoint_unverified" that says what
// happened: nothing but 2xx within 5 seconds will do.
func (t Tester) Test(ctx context.Context, e Endpoint) error {
	if e.Unreadable {
		return unverified("Its secrets cannot be read with the keys at hand: rotate them.")
	}
	now := time.Now()
	event := Event{UID: ident.New(), Type: Test, Subject: SubjectOf("webhook-endpoints", e.UID), At: now, Data: TestData{Endpoint: e.UID}}
	body, err := event.Encode(t.Source)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	answer := t.Caller.Call(ctx, Call{URL: e.URL, Secrets: e.Secrets.Signing(now), ID: event.UID.String(), Body: body})
	switch {
	case answer.OK():
		return nil
	case answer.Status == 0:
		return unverified("The endpoint did not answer a test: " + answer.Words() + ".")
	}
	return unverified("The endpoint answered a test with " + answer.Line() + ".")
}

func unverified(detail string) error {
	return fault.New(fault.Conflict, "endpoint_unverified", detail)
}
