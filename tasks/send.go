package tasks

import (
	"fmt"
	"time"
)

// Batch is the payload that every send task shares: one batch of recipients of one publication on one
// channel. A batch is the unit of work; the recipient is the unit of truth, so a repeated task sends
// only to those who are still owed.
type Batch struct {
	Version int   `json:"v"`
	Batch   int64 `json:"batch"`
	// Gen is the generation of the nudge; a claim needs the current one.
	Gen int `json:"gen"`
}

// ID is "b:<batch>:<gen>".
func (b Batch) ID() string { return fmt.Sprintf("b:%d:%d", b.Batch, b.Gen) }

// SendTimeout bounds one send task. A batch gives its slot back long before; this is the backstop for
// a handler that hangs.
const SendTimeout = 2 * time.Minute

// SendEmail sends one batch of e-mails.
type SendEmail struct{ Batch }

// Kind is "send-email".
func (SendEmail) Kind() Kind { return KindSendEmail }

// Queue is critical, email or email-bulk.
func (SendEmail) Queue(lane Lane) string { return byLane(lane, QueueEmail, QueueEmailBulk) }

// SendNewsletter sends one batch of newsletter issues.
type SendNewsletter struct{ Batch }

// Kind is "send-newsletter".
func (SendNewsletter) Kind() Kind { return KindSendNewsletter }

// Queue is critical, newsletter or newsletter-bulk.
func (SendNewsletter) Queue(lane Lane) string {
	return byLane(lane, QueueNewsletter, QueueNewsletterBulk)
}

// SendSlack posts to one Slack target.
type SendSlack struct{ Batch }

// Kind is "send-slack".
func (SendSlack) Kind() Kind { return KindSendSlack }

// Queue is critical or slack.
func (SendSlack) Queue(lane Lane) string { return byLane(lane, QueueSlack, QueueSlack) }

// SendDiscord posts to one Discord target.
type SendDiscord struct{ Batch }

// Kind is "send-discord".
func (SendDiscord) Kind() Kind { return KindSendDiscord }

// Queue is critical or discord.
func (SendDiscord) Queue(lane Lane) string { return byLane(lane, QueueDiscord, QueueDiscord) }

// SendWebhook posts to one webhook endpoint.
type SendWebhook struct{ Batch }

// Kind is "send-webhook".
func (SendWebhook) Kind() Kind { return KindSendWebhook }

// Queue is critical or webhook.
func (SendWebhook) Queue(lane Lane) string { return byLane(lane, QueueWebhook, QueueWebhook) }

// NewSend makes the payload of the send task of a channel ("email", "slack", …).
func NewSend(channel string, batch int64, gen int) (Args, error) {
	payload := Batch{Version: Version, Batch: batch, Gen: gen}
	switch Kind("send-" + channel) {
	case KindSendEmail:
		return SendEmail{payload}, nil
	case KindSendNewsletter:
		return SendNewsletter{payload}, nil
	case KindSendSlack:
		return SendSlack{payload}, nil
	case KindSendDiscord:
		return SendDiscord{payload}, nil
	case KindSendWebhook:
		return SendWebhook{payload}, nil
	default:
		return nil, fmt.Errorf("no send task for channel %q", channel)
	}
}
