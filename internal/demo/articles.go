package demo

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

//go:embed data/contents data/template
var texts embed.FS

// articles reads the articles that come with the demo.
func articles() ([]api.ContentInput, error) {
	const folder = "data/contents"
	entries, err := texts.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read the demo's articles: %w", err)
	}
	all := make([]api.ContentInput, 0, len(entries))
	for _, entry := range entries {
		text, err := texts.ReadFile(folder + "/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the demo's articles: %w", err)
		}
		a, err := parseArticle(string(text))
		if err != nil {
			return nil, fmt.Errorf("read article %s: %w", entry.Name(), err)
		}
		all = append(all, a)
	}
	return all, nil
}

// parseArticle reads "name: value" lines, an empty line, and the body in Markdown.
func parseArticle(text string) (api.ContentInput, error) {
	head, body, _ := strings.Cut(text, "\n\n")
	a := api.ContentInput{Format: api.ContentInputFormatMarkdown, Body: strings.TrimSpace(body)}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch name {
		case "title":
			a.Title = value
		case "summary":
			a.Summary = value
		case "language":
			a.Language = value
		case "url":
			a.URL = value
		case "topics":
			a.Topics = strings.Split(value, ", ")
		case "quality":
			a.Quality = new(float64)
			*a.Quality, err = strconv.ParseFloat(value, 64)
		default:
			err = fmt.Errorf("unknown line %q", name)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// write makes the articles that are not there yet and returns the ids of all.
func write(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := articles()
	if err != nil {
		return nil, err
	}
	byTitle := map[string]string{}
	for one, err := range c.Contents(ctx, api.ListContentsParams{}) {
		if err != nil {
			return nil, err
		}
		byTitle[one.Title] = one.ID
	}
	ids := make([]string, 0, len(all))
	for _, a := range all {
		id, ok := byTitle[a.Title]
		if !ok {
			one, err := c.CreateContent(ctx, a)
			if err != nil {
				return nil, err
			}
			id = one.ID
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// mailTemplate is the demo's template for e-mail. It finds its words by the reader's language itself.
func mailTemplate() (api.TemplateInput, error) {
	var parts [3]string
	for i, extension := range []string{"subject", "html", "txt"} {
		text, err := texts.ReadFile("data/template/email." + extension)
		if err != nil {
			return api.TemplateInput{}, fmt.Errorf("read the demo's template: %w", err)
		}
		parts[i] = string(text)
	}
	source := api.TemplateSource{Subject: strings.TrimSpace(parts[0]), HTML: parts[1], Text: parts[2]}
	return api.TemplateInput{Name: "The Slow Post", Channel: api.ChannelKindEmail, Languages: map[string]api.TemplateSource{"en": source}}, nil
}
