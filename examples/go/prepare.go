package main

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// parts are what the publication is made of: ids, and the slug of a topic.
type parts struct {
	topic, brand, template api.ID
	contents               []api.ID
}

const readers = `email,name,language,timezone,topics,consent_source
ada@example.org,Ada Lindqvist,en,Europe/Stockholm,gardening,example
bruno@example.org,Bruno Keller,de,Europe/Berlin,gardening,example
chloe@example.org,Chloé Martin,fr,Europe/Paris,gardening,example
`

// prepare makes what is not there yet.
func prepare(ctx context.Context, c *client.Client) (parts, error) {
	p := parts{topic: "gardening"}
	_, err := c.CreateTopic(ctx, api.TopicInput{Name: "Gardening", Slug: p.topic})
	if err != nil && !isThere(err) {
		return p, err
	}
	// All lines of a file are stored, or none. The file is sent as it is read.
	_, err = c.ImportSubscribers(ctx, api.ImportSubscribersParams{Duplicates: "update"}, strings.NewReader(readers))
	if err != nil {
		return p, err
	}
	_, err = c.CreateChannel(ctx, api.ChannelInput{Kind: api.ChannelKindEmail, Provider: "placeholder", Name: "example-email", Enabled: new(true)})
	if err != nil && !isThere(err) {
		return p, err
	}
	if p.brand, err = brand(ctx, c); err != nil {
		return p, err
	}
	p.template, err = named(c.Templates(ctx, api.ListTemplatesParams{}), "example", func(h api.TemplateHead) (string, string) { return h.ID, h.Name }, func() (api.TemplateHead, error) {
		made, err := c.CreateTemplate(ctx, api.TemplateInput{
			Name: "example", Channel: api.ChannelKindEmail, Languages: map[string]api.TemplateSource{"en": {
				Subject: "{{ publication.title }}",
				HTML: "<h1>{{ item.title }}</h1>{{ item.html }}<p><a href=\"{{ links.unsubscribe }}\">Unsubscribe</a></p>" +
					"<p>{{ sender.name }}, {{ sender.postal_address }}</p>",
			}},
		})
		return api.TemplateHead{ID: made.ID, Name: made.Name}, err
	})
	if err != nil {
		return p, err
	}
	for _, title := range []string{"Moving a fig tree", "What the frost leaves"} {
		made, err := c.CreateContent(ctx, api.ContentInput{
			Title: title, Body: "Wait until it **sleeps**, and do not look back.", Language: "en", Topics: []string{p.topic}, URL: "https://example.org/garden",
		})
		if err != nil {
			return p, err
		}
		p.contents = append(p.contents, made.ID)
	}
	return p, nil
}

// isThere tells the refusal to make something twice from others.
func isThere(err error) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Status == http.StatusConflict && p.Code() == "already_exists"
}

// brand is what the mail appears as: it has a name, colours, a sender, and pages of its own, as in /p/subscribe?brand=garden-post.
func brand(ctx context.Context, c *client.Client) (api.ID, error) {
	const address = "1 Garden Row, Exampletown"
	sender, err := named(c.Senders(ctx, api.ListSendersParams{}), "example", func(s api.Sender) (string, string) { return s.ID, s.Name }, func() (api.Sender, error) {
		return c.CreateSender(ctx, api.SenderInput{Name: "example", FromName: "The Garden Post", FromEmail: "post@example.org", PostalAddress: address})
	})
	if err != nil {
		return "", err
	}
	return named(c.Brands(ctx, api.ListBrandsParams{}), "garden-post", func(b api.Brand) (string, string) { return b.ID, b.Slug }, func() (api.Brand, error) {
		return c.CreateBrand(ctx, api.BrandInput{
			Name: "The Garden Post", Slug: "garden-post", Color: "#2f6b3a", LinkColor: "#2f6b3a", PostalAddress: address,
			ImprintURL: "https://example.org/imprint", SupportEmail: "help@example.org", SenderID: sender,
		})
	})
}

// named is the id of what has a name in a list, made if it is not there.
func named[T any](list iter.Seq2[T, error], wanted string, of func(T) (id, name string), create func() (T, error)) (api.ID, error) {
	for one, err := range list {
		if err != nil {
			return "", err
		}
		if id, name := of(one); name == wanted {
			return id, nil
		}
	}
	made, err := create()
	id, _ := of(made)
	return id, err
}
