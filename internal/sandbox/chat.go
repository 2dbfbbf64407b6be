package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Card is a block of a Slack message or an embed of a Discord message, as far as it can be shown.
type Card struct {
	Title   string  `json:"title,omitempty"`
	URL     string  `json:"url,omitempty"`
	Text    string  `json:"text,omitempty"`
	Image   string  `json:"image,omitempty"`
	Color   string  `json:"color,omitempty"` // #rrggbb
	Footer  string  `json:"footer,omitempty"`
	Fields  []Field `json:"fields,omitempty"`
	Buttons []Field `json:"buttons,omitempty"` // label and address
	Rule    bool    `json:"rule,omitempty"`    // a line across
}

// readChat takes a JSON message apart: the text, the cards, and the document in a readable layout.
func readChat(m *Message) Letter {
	letter := Letter{Source: indented(m.Body), Text: chatText(m.Body), Fields: requestFields(m)}
	letter.Subject = m.Subject()
	switch m.Provider {
	case ProviderSlack:
		letter.Cards = slackCards(m.Body)
	case ProviderDiscord:
		letter.Cards = discordCards(m.Body)
	case ProviderWebhook:
		letter.Text = ""
	}
	return letter
}

// requestFields lists the headers of the HTTP request in order of their names.
func requestFields(m *Message) []Field {
	var fields []Field
	for name, values := range m.Header {
		for _, value := range values {
			fields = append(fields, Field{name, value})
		}
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// chatText finds what a reader sees first: Slack's text, Discord's content or an embed's title, the
// type of a webhook's event.
func chatText(body []byte) string {
	var document struct {
		Text    string `json:"text"`
		Content string `json:"content"`
		Embeds  []struct {
			Title       string `json:"title"`
			Description string `json:"description"`
		} `json:"embeds"`
		Blocks []slackBlock `json:"blocks"`
		Type   string       `json:"type"`
	}
	if json.Unmarshal(body, &document) != nil && document.Text == "" && document.Content == "" {
		return ""
	}
	texts := []string{document.Text, document.Content}
	for _, embed := range document.Embeds {
		texts = append(texts, embed.Title, embed.Description)
	}
	for _, block := range document.Blocks {
		texts = append(texts, block.Text.Text)
	}
	texts = append(texts, document.Type)
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			return text
		}
	}
	return ""
}

// slackBlock is what the usual blocks have between them.
// https://docs.slack.dev/reference/block-kit/blocks
type slackBlock struct {
	Type     string         `json:"type"`
	Text     slackText      `json:"text"`
	Fields   []slackText    `json:"fields"`
	ImageURL string         `json:"image_url"`
	Title    slackText      `json:"title"`
	Elements []slackElement `json:"elements"`
	// Accessory stands beside a section.
	Accessory slackElement `json:"accessory"`
}

// slackText is a text object, or in places just a text.
type slackText struct{ Text string }

// UnmarshalJSON reads either, and anything else as no text.
func (t *slackText) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &t.Text) == nil {
		return nil
	}
	var object struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(data, &object)
	t.Text = object.Text
	return nil
}

type slackElement struct {
	Type     string    `json:"type"`
	Text     slackText `json:"text"`
	URL      string    `json:"url"`
	ImageURL string    `json:"image_url"`
}

func slackCards(body []byte) []Card {
	var document struct {
		Blocks      []slackBlock `json:"blocks"`
		Attachments []struct {
			Color  string       `json:"color"`
			Title  string       `json:"title"`
			Link   string       `json:"title_link"`
			Text   string       `json:"text"`
			Blocks []slackBlock `json:"blocks"`
		} `json:"attachments"`
	}
	_ = json.Unmarshal(body, &document) // what fits is shown
	var cards []Card
	for _, block := range document.Blocks {
		cards = append(cards, slackCard(block))
	}
	for _, a := range document.Attachments {
		if a.Title != "" || a.Text != "" {
			cards = append(cards, Card{Title: a.Title, URL: a.Link, Text: a.Text, Color: a.Color})
		}
		for _, block := range a.Blocks {
			cards = append(cards, slackCard(block))
		}
	}
	return cards
}

func slackCard(block slackBlock) Card {
	card := Card{Text: block.Text.Text, Image: block.ImageURL}
	switch block.Type {
	case "divider":
		return Card{Rule: true}
	case "header":
		return Card{Title: block.Text.Text}
	case "image":
		card.Footer = block.Title.Text
	case "context":
		var notes []string
		for _, element := range block.Elements {
			notes = append(notes, element.Text.Text)
		}
		return Card{Footer: strings.Join(notes, " · ")}
	}
	for _, field := range block.Fields {
		card.Fields = append(card.Fields, Field{Value: field.Text})
	}
	for _, element := range append(block.Elements, block.Accessory) {
		if element.Type == "button" {
			card.Buttons = append(card.Buttons, Field{element.Text.Text, element.URL})
		}
		if element.ImageURL != "" {
			card.Image = element.ImageURL
		}
	}
	return card
}

// discordCards reads the embeds. https://discord.com/developers/docs/resources/message#embed-object
func discordCards(body []byte) []Card {
	var document struct {
		Embeds []struct {
			Title       string  `json:"title"`
			URL         string  `json:"url"`
			Description string  `json:"description"`
			Color       int     `json:"color"`
			Fields      []Field `json:"fields"`
			Image       struct {
				URL string `json:"url"`
			} `json:"image"`
			Thumbnail struct {
				URL string `json:"url"`
			} `json:"thumbnail"`
			Footer struct {
				Text string `json:"text"`
			} `json:"footer"`
		} `json:"embeds"`
	}
	_ = json.Unmarshal(body, &document) // what fits is shown
	var cards []Card
	for _, e := range document.Embeds {
		card := Card{Title: e.Title, URL: e.URL, Text: e.Description, Image: e.Image.URL, Footer: e.Footer.Text, Fields: e.Fields}
		if card.Image == "" {
			card.Image = e.Thumbnail.URL
		}
		if e.Color > 0 {
			card.Color = fmt.Sprintf("#%06x", e.Color&0xffffff)
		}
		cards = append(cards, card)
	}
	return cards
}
