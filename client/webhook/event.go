package webhook

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/presswork/presswork/client/api"
)

// Event is something that happened. The same one may come more than once, and events in no promised order: tell repetitions
// by the ID, and what came later by the Time.
type Event struct {
	// ID is the same in every attempt.
	ID   string
	Type string // "publication.completed"
	// Source is the installation that speaks, as its public address; "" of a publication that a channel posts.
	Source string
	// Subject is the path of what it is about, below /api/v1/.
	Subject string
	Time    time.Time
	// Data is what the description of the API says of the Type: *api.PublicationEventData, *api.DeliveryEventData,
	// *api.ReactionEventData, *api.ChannelEventData, *api.EndpointEventData, *api.EndpointTestData or
	// *api.PublishedPublication; json.RawMessage if this package does not know the Type.
	Data any
}

// PublicationPublished is the type of what a channel of the kind webhook posts: the publication itself.
const PublicationPublished = "publication.published"

// envelope has the fields of a CloudEvent 1.0 and of a channel's message, which is simpler.
type envelope struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	Timestamp   time.Time       `json:"timestamp"`
	Data        json.RawMessage `json:"data"`
}

// Parse reads a message that was verified.
func Parse(header http.Header, body []byte) (Event, error) {
	var m envelope
	if err := json.Unmarshal(body, &m); err != nil {
		return Event{}, fmt.Errorf("read an event: %w", err)
	}
	e := Event{ID: header.Get("Webhook-Id"), Type: m.Type, Source: m.Source, Subject: m.Subject, Time: m.Time}
	if m.SpecVersion == "" {
		e.Time = m.Timestamp
	}
	data := newData(m.Type)
	if data == nil {
		e.Data = m.Data
		return e, nil
	}
	if err := json.Unmarshal(m.Data, data); err != nil {
		return Event{}, fmt.Errorf("read the data of an event of type %s: %w", m.Type, err)
	}
	e.Data = data
	return e, nil
}

// newData is what the data of a type is read into; nil for a type that is not known.
func newData(kind string) any {
	switch kind {
	case PublicationPublished:
		return &api.PublishedPublication{}
	case "publication.drafted", "publication.approval_required", "publication.approved", "publication.rejected", "publication.scheduled",
		"publication.queued", "publication.sending", "publication.paused", "publication.resumed", "publication.completed",
		"publication.failed", "publication.cancelled", "publication.deleted":
		return &api.PublicationEventData{}
	case "delivery.sent", "delivery.delivered", "delivery.failed", "delivery.uncertain", "delivery.skipped", "delivery.suppressed",
		"delivery.deferred", "delivery.reopened", "delivery.bounced", "delivery.complained":
		return &api.DeliveryEventData{}
	case "delivery.opened", "delivery.clicked", "delivery.unsubscribed":
		return &api.ReactionEventData{}
	case "channel.enabled", "channel.disabled":
		return &api.ChannelEventData{}
	case "webhook_endpoint.disabled":
		return &api.EndpointEventData{}
	case "presswork.test":
		return &api.EndpointTestData{}
	default:
		return nil
	}
}
