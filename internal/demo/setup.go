package demo

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

// made is what the publication is made of.
type made struct {
	sender, brand, template string
	contents                []string
	// subscribers is how many are eligible, targets how many channels of each kind are switched on.
	subscribers int64
	targets     map[string]int64
}

// setUp makes what is not there yet.
func setUp(ctx context.Context, c *client.Client, o Options) (made, error) {
	var m made
	var err error
	m.sender, err = ensure(c.Senders(ctx, api.ListSendersParams{}), func(s api.Sender) (string, bool) { return s.ID, s.Name == identity.Name },
		func() (api.Sender, error) { return c.CreateSender(ctx, identity) })
	if err != nil {
		return m, err
	}
	if m.brand, err = found(ctx, c, m.sender); err != nil {
		return m, err
	}
	fmt.Fprintf(o.Out, "Brand: %s, with a logo, colours and pages of its own.\n", identity.FromName)
	if m.targets, err = connect(ctx, c, o.Sandbox); err != nil {
		return m, err
	}
	fmt.Fprintf(o.Out, "Channels: %d Slack, %d Discord, %d webhook, and SES for e-mail and newsletter, all in the sandbox.\n",
		m.targets["slack"], m.targets["discord"], m.targets["webhook"])
	if m.contents, err = write(ctx, c); err != nil {
		return m, err
	}
	t, err := mailTemplate()
	if err != nil {
		return m, err
	}
	m.template, err = ensure(c.Templates(ctx, api.ListTemplatesParams{}), func(h api.TemplateHead) (string, bool) { return h.ID, h.Name == t.Name },
		func() (api.TemplateHead, error) {
			made, err := c.CreateTemplate(ctx, t)
			return api.TemplateHead{ID: made.ID, Name: made.Name}, err
		})
	if err != nil {
		return m, err
	}
	fmt.Fprintf(o.Out, "Contents: %d articles and a template for e-mail.\n", len(m.contents))
	imported, err := importCSV(ctx, c, o.Subscribers)
	if err != nil {
		return m, err
	}
	if m.subscribers, err = eligible(ctx, c); err != nil {
		return m, err
	}
	fmt.Fprintf(o.Out, "Subscribers: %d imported, %d were there already; %d are active.\n", imported.Created, imported.Skipped, m.subscribers)
	return m, nil
}

// ensure is the id of the one of a list that is wanted, made if it is not there.
func ensure[T any](list iter.Seq2[T, error], wanted func(T) (id string, is bool), create func() (T, error)) (string, error) {
	for one, err := range list {
		if err != nil {
			return "", err
		}
		if id, is := wanted(one); is {
			return id, nil
		}
	}
	made, err := create()
	id, _ := wanted(made)
	return id, err
}

// identity is who the demo's mail is from.
var identity = api.SenderInput{
	Name: "demo", FromName: "The Slow Post", FromEmail: "post@example.org", ReplyTo: "editors@example.org",
	PostalAddress: "1 Paper Lane, 00000 Example", Default: true,
}

// importCSV adds who is not there yet. Who is there stays as they are: a second demo must not subscribe
// anybody again who used the unsubscribe link of the first.
func importCSV(ctx context.Context, c *client.Client, file []byte) (api.ImportReport, error) {
	return c.ImportSubscribers(ctx, api.ImportSubscribersParams{Duplicates: "skip"}, bytes.NewReader(file))
}

// eligible counts the subscribers who may be written to.
func eligible(ctx context.Context, c *client.Client) (int64, error) {
	var n int64
	for _, err := range c.Subscribers(ctx, api.ListSubscribersParams{Status: string(api.SubscriberStatusActive)}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
