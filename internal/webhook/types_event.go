package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// ContentType is that of an encoded event: a CloudEvent in the structured mode of its binding to HTTP.
const ContentType = "application/cloudevents+json"

// Event is something that happened, as endpoints are told of it.
type Event struct {
	// UID is the event's id, of version 7: the CloudEvent's id and the webhook-id of every attempt.
	UID  ident.UID
	Type Type
	// Subject is what it is about, as the path of its resource below /api/v1/; see SubjectOf.
	Subject string
	// At is when it happened; zero: when it is stored.
	At time.Time
	// Data is a value of the type's Kind.Data, or such a one as JSON.
	Data any
}

// envelope is a CloudEvent, version 1.0 of the specification. The type has no prefix of a domain, which the specification
// recommends: the same word is then in the body, in the subscriptions and in the documentation, and source tells who speaks.
type envelope struct {
	SpecVersion string    `json:"specversion"`
	ID          ident.UID `json:"id"`
	Source      string    `json:"source"`
	Type        Type      `json:"type"`
	Subject     string    `json:"subject,omitempty"`
	Time        string    `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        any       `json:"data"`
}

// Encode is the event as a body to post. Source is the absolute URL of this installation, PUBLIC_URL. Of a stored event the
// bytes are the same each time.
func (e Event) Encode(source string) ([]byte, error) {
	body, err := json.Marshal(envelope{
		SpecVersion: "1.0", ID: e.UID, Source: source, Type: e.Type, Subject: e.Subject,
		Time: e.At.UTC().Format(time.RFC3339Nano), ContentType: "application/json", Data: e.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("encode an event of type %s: %w", e.Type, err)
	}
	return body, nil
}

// SubjectOf is the path of a resource: of "publications" and an id, and of a recipient of it.
func SubjectOf(collection string, id ident.UID) string { return collection + "/" + id.String() }

// RecipientOf is the subject of a delivery: the recipient's page of a publication. Of a recipient who is no more it is the
// publication.
func RecipientOf(publication ident.UID, recipient *ident.UID) string {
	if recipient == nil {
		return SubjectOf("publications", publication)
	}
	return SubjectOf(SubjectOf("publications", publication)+"/recipients", *recipient)
}
