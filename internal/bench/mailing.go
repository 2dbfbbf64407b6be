package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/presswork/presswork/client"
)

// named is what the API gives back of something that was made.
type named struct {
	ID string `json:"id"`
}

// prepare makes the sender and a channel, by provider "smtp", "ses" or "placeholder", and returns the ids of articles.
func (s *system) prepare(ctx context.Context, provider string) ([]string, error) {
	sender := map[string]any{
		"name": "bench", "from_name": "The Slow Post", "from_email": "post@example.org",
		"postal_address": "1 Paper Lane, 00000 Example", "default": true,
	}
	if err := s.api.Call(ctx, http.MethodPost, "/senders", sender, nil); err != nil {
		return nil, err
	}
	mail := map[string]any{"kind": "email", "provider": provider, "name": "bench-email"}
	switch provider {
	case "smtp":
		mail["secrets"] = map[string]string{"url": s.sandbox.SMTP}
	case "ses":
		mail["settings"] = map[string]string{"region": "eu-west-1", "endpoint": s.sandbox.SES}
		mail["secrets"] = map[string]string{"access_key_id": "bench", "secret_access_key": "bench"}
	}
	if err := s.api.Call(ctx, http.MethodPost, "/channels", mail, nil); err != nil {
		return nil, err
	}
	var ids []string
	for _, article := range articles() {
		var made named
		if err := s.api.Call(ctx, http.MethodPost, "/contents", article, &made); err != nil {
			return nil, err
		}
		ids = append(ids, made.ID)
	}
	return ids, nil
}

// articles has one for every topic, some of them in each language. Their links are tracked.
func articles() []map[string]any {
	const lead = "The **slow post** on %s is written once and read by many, each of whom gets what they asked for: " +
		"the [%s desk](https://example.org/desk/%s) chose it, and the [archive](https://example.org/archive) keeps it."
	const rest = "\n\nNobody has to read it today. It was made to be opened on a quiet evening, put aside in the middle " +
		"of a sentence and found again on Sunday, when there is time for the second half and for an answer."
	var list []map[string]any
	for i, topic := range topics() {
		list = append(list, map[string]any{
			"title": "What is new in " + topic, "summary": "A page on " + topic + ", to be read at leisure.",
			"format": "markdown", "body": fmt.Sprintf(lead, topic, topic, topic) + strings.Repeat(rest, 3),
			"url":    "https://example.org/articles/" + topic,
			"topics": []string{topic}, "language": languages()[i%len(languages())], "quality": 0.8,
		})
	}
	return list
}

// mailing is a publication by e-mail to everybody, with the built-in template: it greets readers by name and
// gives them the articles that fit their topics and language.
func mailing(contents []string) client.PublicationRequest {
	return client.PublicationRequest{
		Title: "The Slow Post", Type: "newsletter", Priority: "normal", Channels: []string{"email"},
		ContentIDs: contents, Audience: &client.Audience{All: true},
	}
}
