package demo

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/presswork/presswork/client"
)

//go:embed data/contents data/template
var texts embed.FS

// article is a content item as the API takes it.
type article struct {
	Title    string   `json:"title"`
	Summary  string   `json:"summary"`
	Format   string   `json:"format"`
	Body     string   `json:"body"`
	URL      string   `json:"url"`
	Topics   []string `json:"topics"`
	Language string   `json:"language"`
	Quality  float64  `json:"quality"`
}

// articles reads the articles that come with the demo.
func articles() ([]article, error) {
	const folder = "data/contents"
	entries, err := texts.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read the demo's articles: %w", err)
	}
	all := make([]article, 0, len(entries))
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
func parseArticle(text string) (article, error) {
	head, body, _ := strings.Cut(text, "\n\n")
	a := article{Format: "markdown", Body: strings.TrimSpace(body)}
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
			a.Quality, err = strconv.ParseFloat(value, 64)
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
	there, err := client.List[struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}](ctx, c, "/contents", nil)
	if err != nil {
		return nil, err
	}
	byTitle := map[string]string{}
	for _, one := range there {
		byTitle[one.Title] = one.ID
	}
	ids := make([]string, 0, len(all))
	for _, a := range all {
		id, ok := byTitle[a.Title]
		if !ok {
			var one named
			if err := c.Call(ctx, http.MethodPost, "/contents", a, &one); err != nil {
				return nil, err
			}
			id = one.ID
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// templateInput is a template as the API takes it.
type templateInput struct {
	Name      string                    `json:"name"`
	Channel   string                    `json:"channel"`
	Languages map[string]templateSource `json:"languages"`
}

type templateSource struct {
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
}

// mailTemplate is the demo's template for e-mail. It finds its words by the reader's language itself.
func mailTemplate() (templateInput, error) {
	var parts [3]string
	for i, extension := range []string{"subject", "html", "txt"} {
		text, err := texts.ReadFile("data/template/email." + extension)
		if err != nil {
			return templateInput{}, fmt.Errorf("read the demo's template: %w", err)
		}
		parts[i] = string(text)
	}
	source := templateSource{Subject: strings.TrimSpace(parts[0]), HTML: parts[1], Text: parts[2]}
	return templateInput{Name: "The Slow Post", Channel: "email", Languages: map[string]templateSource{"en": source}}, nil
}
