package config

import (
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/backoff"
)

// TestWebhookRetries are those of Standard Webhooks unless somebody says otherwise, and none of them is absurd.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	c, err := Load(nil)
	if err != nil || len(c.WebhookRetries) != backoff.WebhookAttempts-1 || c.WebhookRetries[8] != 24*time.Hour {
		t.Errorf("%v, %v", c.WebhookRetries, err)
	}
	if c, err = Load([]string{"PRESSWORK_WEBHOOK_RETRIES=1s,2m"}); err != nil || len(c.WebhookRetries) != 2 || c.WebhookRetries[1] != 2*time.Minute {
		t.Errorf("%v, %v", c.WebhookRetries, err)
	}
	for _, bad := range []string{"1s,25h", "0s", "soon", "5s,,5m", strings.Repeat("1m,", mostWaits) + "1m"} {
		if _, err := Load([]string{"PRESSWORK_WEBHOOK_RETRIES=" + bad}); err == nil || !strings.Contains(err.Error(), "PRESSWORK_WEBHOOK_RETRIES") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
