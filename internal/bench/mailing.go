package bench

import (
	"context"
	"fmt"
	"strings"

	types "github.com/presswork/presswork/client/api"
)

// named is what the API gives back of something that was made.
type named struct {
	ID string `json:"id"`
}

// prepare makes the sender and a channel, by provider "smtp", "ses" or "placeholder", and returns the ids of articles.
func (s *system) prepare(ctx context.Context, provider string) ([]string, error) {
	if _, err := s.api.CreateSender(ctx, types.SenderInput{
		Name: "bench", FromName: "The Slow Post", FromEmail: "post@example.org", PostalAddress: "1 Paper Lane, 00000 Example", Default: true,
	}); err != nil {
		return nil, err
	}
	mail := types.ChannelInput{Kind: types.ChannelKindEmail, Provider: provider, Name: "bench-email"}
	switch provider {
	case "smtp":
		mail.Secrets = map[string]string{"url": s.sandbox.SMTP}
	case "ses":
		mail.Settings = map[string]string{"region": "eu-west-1", "endpoint": s.sandbox.SES}
		mail.Secrets = map[string]string{"access_key_id": "bench", "secret_access_key": "bench"}
	}
	if _, err := s.api.CreateChannel(ctx, mail); err != nil {
		return nil, err
	}
	var ids []string
	for _, article := range articles() {
		made, err := s.api.CreateContent(ctx, article)
		if err != nil {
			return nil, err
		}
		ids = append(ids, made.ID)
	}
	return ids, nil
}

// articles has one for every topic, some of them in each language. Their links are tracked.
func articles() []types.ContentInput {
	const lead = "The **slow post** on %s is written once and read by many, each of whom gets what they asked for: " +
		"the [%s desk](https://example.org/desk/%s) chose it, and the [archive](https://example.org/archive) keeps it."
	const rest = "\n\nNobody has to read it today. It was made to be opened on a quiet evening, put aside in the middle " +
		"of a sentence and found again on Sunday, when there is time for the second half and for an answer."
	var list []types.ContentInput
	for i, topic := range topics() {
		list = append(list, types.ContentInput{
			Title: "What is new in " + topic, Summary: "A page on " + topic + ", to be read at leisure.",
			Format: types.ContentInputFormatMarkdown, Body: fmt.Sprintf(lead, topic, topic, topic) + strings.Repeat(rest, 3),
			URL:    "https://example.org/articles/" + topic,
			Topics: []string{topic}, Language: languages()[i%len(languages())], Quality: new(0.8),
		})
	}
	return list
}

// mailing is a publication by e-mail to everybody, with the built-in template: it greets readers by name and
// gives them the articles that fit their topics and language.
func mailing(contents []string) types.PublicationInput {
	return types.PublicationInput{
		Title: "The Slow Post", PublicationType: types.PublicationTypeNewsletter, Priority: types.PublicationInputPriorityNormal,
		Channels: []types.ChannelKind{types.ChannelKindEmail}, ContentIDs: contents, Audience: types.AudienceInput{All: true},
	}
}
