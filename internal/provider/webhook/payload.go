package webhook

import (
	"encoding/json"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// eventType is the event's name; receivers route by it.
const eventType = "publication.published"

// event is the body. Its timestamp is when the publication was published, not when it was sent, so that
// every attempt has the same body.
type event struct {
	Type      string      `json:"type"`
	Timestamp string      `json:"timestamp"`
	Data      publication `json:"data"`
}

type publication struct {
	ID          string         `json:"id"`
	Type        string         `json:"type,omitempty"`
	Title       string         `json:"title"`
	Text        string         `json:"text,omitempty"`
	URL         string         `json:"url,omitempty"`
	PublishedAt string         `json:"published_at,omitempty"`
	Items       []item         `json:"items"`
	Data        map[string]any `json:"data,omitempty"`
}

type item struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Summary string   `json:"summary,omitempty"`
	URL     string   `json:"url,omitempty"`
	HTML    string   `json:"html,omitempty"`
	Text    string   `json:"text,omitempty"`
	Topics  []string `json:"topics,omitempty"`
}

func encode(m *channel.Message, at time.Time) ([]byte, error) {
	post := m.Post
	e := event{
		Type:      eventType,
		Timestamp: post.PublishedAt,
		Data: publication{
			ID: m.ID.Publication, Type: post.Type, Title: post.Title, Text: post.Text, URL: post.URL,
			PublishedAt: post.PublishedAt, Items: make([]item, 0, len(post.Items)), Data: post.Data,
		},
	}
	if e.Timestamp == "" {
		e.Timestamp = at.UTC().Format(time.RFC3339)
	}
	for _, i := range post.Items {
		e.Data.Items = append(e.Data.Items, item(i))
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fault.Wrap(err, fault.GiveUp, "invalid_message")
	}
	return body, nil
}
