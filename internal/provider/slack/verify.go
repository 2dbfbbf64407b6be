package slack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/presswork/presswork/internal/provider/attempt"
)

// leastAnswer is more than Slack says about what it refuses.
const leastAnswer = 256

// refusedEmpty are Slack's words for a message that has nothing in it, from a hook that is there.
func refusedEmpty(word string) bool {
	return word == "no_text" || word == "invalid_payload" || word == "missing_text_or_fallback_or_attachments"
}

// Verify posts a message with nothing in it. Slack has no call that tells of a hook and posts nothing; it refuses such a
// message if the hook is there, and says otherwise what is wrong with the hook. Nobody sees either.
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
func (h *hook) Verify(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, strings.NewReader("{}"))
	if err != nil {
		return attempt.Cause(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return attempt.Cause(err)
	}
	defer resp.Body.Close()
	defer attempt.Drain(resp.Body)
	answer, err := io.ReadAll(io.LimitReader(resp.Body, leastAnswer))
	if err != nil {
		return attempt.Cause(err)
	}
	if word := strings.TrimSpace(string(answer)); resp.StatusCode != http.StatusBadRequest || !refusedEmpty(word) {
		return attempt.Cause(fmt.Errorf("the hook answers %d %s", resp.StatusCode, word))
	}
	return nil
}
