package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/provider/signed"
)

// TestType is the type of the event by which an endpoint is verified. Nothing was published.
const TestType = "presswork.test"

type testEvent struct {
	Type      string            `json:"type"`
	Timestamp string            `json:"timestamp"`
	Data      map[string]string `json:"data"`
}

// Verify posts a signed test to the endpoint, which has to answer with 200 to 299, as to any message.
func (s *sender) Verify(ctx context.Context) error {
	at := s.now()
	body, err := json.Marshal(testEvent{Type: TestType, Timestamp: at.UTC().Format(time.RFC3339),
		Data: map[string]string{"about": "A test before this endpoint is used. Nothing was published."}})
	if err != nil {
		return fmt.Errorf("write the test: %w", err)
	}
	req, err := s.signers.Request(ctx, signed.Message{URL: s.url, ID: ident.New().String(), At: at, ContentType: "application/json", Body: body})
	if err != nil {
		return attempt.Cause(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return attempt.Cause(err)
	}
	defer resp.Body.Close()
	defer attempt.Drain(resp.Body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the endpoint answers a signed test with %d, not with 200 to 299", resp.StatusCode)
	}
	return nil
}
