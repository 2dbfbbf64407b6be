package signed

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/presswork/presswork/internal/telemetry"
)

// Message is what is posted.
type Message struct {
	URL string
	// ID is what a receiver tells repetitions by: the same in every attempt.
	ID string
	// At is when the attempt is made.
	At          time.Time
	ContentType string
	Body        []byte
}

// Request is the POST of a message, signed with every secret: a receiver can change over at its leisure. The error is of an
// address that cannot be called, and may quote it.
func (s Signers) Request(ctx context.Context, m Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	signatures := make([]string, 0, len(s))
	for _, signer := range s {
		signature, err := signer.Sign(m.ID, m.At, m.Body)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	req.Header.Set("Content-Type", m.ContentType)
	req.Header.Set("User-Agent", "Presswork")
	if parent := telemetry.TraceParent(ctx); parent != "" {
		req.Header.Set("Traceparent", parent) // what the receiver does belongs to the same trace
	}
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return req, nil
}
