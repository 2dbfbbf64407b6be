// Package events takes in what Amazon SES reports of mails it accepted: from Amazon SNS, which posts to our hook, or from
// a queue of Amazon SQS, which is polled.
package events

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mailbox"
	"github.com/presswork/presswork/internal/suppression"
)

// record is an event as SES publishes it by a configuration set (eventType), or as it notifies of an identity
// (notificationType); the objects in it are the same.
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
// https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
type record struct {
	EventType        string `json:"eventType"`
	NotificationType string `json:"notificationType"`
	Mail             mail   `json:"mail"`
	Bounce           struct {
		Type       string      `json:"bounceType"`
		SubType    string      `json:"bounceSubType"`
		Recipients []recipient `json:"bouncedRecipients"`
		Timestamp  time.Time   `json:"timestamp"`
		FeedbackID string      `json:"feedbackId"`
	} `json:"bounce"`
	Complaint struct {
		SubType    string      `json:"complaintSubType"`
		Type       string      `json:"complaintFeedbackType"`
		Recipients []recipient `json:"complainedRecipients"`
		Timestamp  time.Time   `json:"timestamp"`
		FeedbackID string      `json:"feedbackId"`
	} `json:"complaint"`
	Delivery struct {
		Timestamp time.Time `json:"timestamp"`
	} `json:"delivery"`
	DeliveryDelay struct {
		Timestamp time.Time `json:"timestamp"`
	} `json:"deliveryDelay"`
	Reject struct {
		Reason string `json:"reason"`
	} `json:"reject"`
}

type mail struct {
	Timestamp time.Time           `json:"timestamp"`
	MessageID string              `json:"messageId"`
	Tags      map[string][]string `json:"tags"`
	Headers   []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"headers"`
}

type recipient struct {
	Address string `json:"emailAddress"`
}

// errNoEvent is what is not an event of SES: a repetition would not be one either.
func errNoEvent(detail string) error { return fault.New(fault.Malformed, "no_ses_event", detail) }

// Parse reads an event of SES. It returns none, and no error, for what concerns no delivery of ours: events of other
// mails, kinds that are of no use here (Open, Click, Subscription, Rendering Failure), and the message with which SES
// tries a topic. Malformed: it is no event at all.
func Parse(text []byte) ([]feedback.Event, error) {
	if strings.HasPrefix(string(text[:min(len(text), 64)]), "Successfully validated SNS topic") {
		return nil, nil
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, errNoEvent("It is not what SES sends.") // the error would repeat a part of it
	}
	kind := r.EventType
	if kind == "" {
		kind = r.NotificationType
	}
	if kind == "" || r.Mail.MessageID == "" {
		return nil, errNoEvent("It names no event or no mail.")
	}
	e, of := r.meaning(kind)
	if !of || !r.Mail.identify(&e) {
		return nil, nil
	}
	e.Source = suppression.SourceSES
	return []feedback.Event{e}, nil
}

// meaning is the event without its delivery; false if it is of no use.
func (r *record) meaning(kind string) (feedback.Event, bool) {
	id := r.Mail.MessageID
	switch kind {
	case "Send":
		return feedback.Event{Kind: feedback.Accepted, At: r.Mail.Timestamp, Key: feedback.NewKey("ses", id, "accepted")}, true
	case "DeliveryDelay":
		return feedback.Event{Kind: feedback.Accepted, At: r.DeliveryDelay.Timestamp, Key: feedback.NewKey("ses", id, "accepted")}, true
	case "Delivery":
		return feedback.Event{Kind: feedback.Delivered, At: r.Delivery.Timestamp, Key: feedback.NewKey("ses", id, "delivered")}, true
	case "Reject":
		return feedback.Event{Kind: feedback.Rejected, At: r.Mail.Timestamp, Cause: word(r.Reject.Reason),
			Key: feedback.NewKey("ses", id, "rejected")}, true
	case "Bounce":
		return r.bounce(), true
	case "Complaint":
		c := r.Complaint
		// SES reports so, too, what it kept back since the address is on its own list for a complaint
		// (OnAccountSuppressionList, the only subtype): once, since the address is on ours from then on.
		return feedback.Event{Kind: feedback.Complained, At: c.Timestamp, Cause: word(c.Type), Suppress: addresses(c.Recipients),
			Kept: c.SubType != "", Key: feedback.NewKey("ses", id, "complaint", c.FeedbackID)}, true
	default:
		return feedback.Event{}, false
	}
}

// bounce is hard if SES calls it Permanent. Transient and Undetermined ones may pass.
func (r *record) bounce() feedback.Event {
	b := r.Bounce
	e := feedback.Event{Kind: feedback.SoftBounced, At: b.Timestamp, Cause: word(b.Type) + "/" + word(b.SubType),
		Key: feedback.NewKey("ses", r.Mail.MessageID, "bounce", b.FeedbackID)}
	if b.Type == "Permanent" {
		e.Kind, e.Suppress = feedback.Bounced, addresses(b.Recipients)
	}
	return e
}

// identify finds the delivery in the mail's tags, which events have, or else in its headers, which notifications have if
// they are told to include them.
func (m *mail) identify(e *feedback.Event) bool {
	if m.identified(e, first(m.Tags["publication"]), first(m.Tags["channel"]), first(m.Tags["recipient"])) {
		return true
	}
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, channel.DeliveryHeader) {
			parts := strings.Split(strings.TrimSpace(h.Value), "/")
			return len(parts) == 3 && m.identified(e, parts[0], parts[1], parts[2])
		}
	}
	return false
}

func (*mail) identified(e *feedback.Event, publication, kind, recipient string) bool {
	uid, err := ident.Parse(publication)
	if err != nil || uid.IsZero() || !slices.Contains(channel.Kinds(), channel.Kind(kind)) {
		return false
	}
	id, err := strconv.ParseInt(recipient, 10, 64)
	if err != nil || id < 1 {
		return false
	}
	e.Publication, e.Channel, e.Recipient = uid, kind, id
	return true
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// addresses are those that can be read; what cannot was never sent to by us.
func addresses(list []recipient) []string {
	var out []string
	for _, r := range list {
		text := strings.TrimSpace(r.Address)
		if from := strings.LastIndexByte(text, '<'); from >= 0 { // with a name before it
			text = strings.TrimSuffix(text[from+1:], ">")
		}
		if address, err := mailbox.Parse(text); err == nil && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}

// word is a provider's word, without anything that could be personal: letters, digits, spaces and hyphens, at most 40.
func word(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ' || r == '-' {
			return r
		}
		return -1
	}, text)
	return text[:min(len(text), 40)]
}
