package config

import (
	"slices"
	"time"
)

// mostWaits bounds the retries of a webhook: 30 waits of a day are a month.
const mostWaits = 30

// webhooks checks how webhooks are tried again.
func (p *problems) webhooks(c *Config) {
	const name = "PRESSWORK_WEBHOOK_RETRIES"
	implausible := func(wait time.Duration) bool { return wait < time.Second || wait > 24*time.Hour }
	if !p.has(name) && (len(c.WebhookRetries) == 0 || len(c.WebhookRetries) > mostWaits || slices.ContainsFunc(c.WebhookRetries, implausible)) {
		p.add("%s must be 1 to %d waits of 1s to 24h, with commas between them", name, mostWaits)
	}
}
