package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/presswork/presswork/client"
)

// made is what the publication is made of.
type made struct {
	sender, template string
	contents         []string
	// subscribers is how many are eligible, targets how many channels of each kind are switched on.
	subscribers int64
	targets     map[string]int64
}

// named is what the demo looks for in lists before it makes something.
type named struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Enabled bool   `json:"enabled"`
}

func find(list []named, name string) (id string, ok bool) {
	for _, one := range list {
		if one.Name == name {
			return one.ID, true
		}
	}
	return "", false
}

// setUp makes what is not there yet.
func setUp(ctx context.Context, c *client.Client, o Options) (made, error) {
	var m made
	var err error
	if m.sender, err = ensure(ctx, c, "/senders", identity.Name, identity); err != nil {
		return m, err
	}
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
	if m.template, err = ensure(ctx, c, "/templates", t.Name, t); err != nil {
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

// ensure is the id of what is called name in the list at path, made if it is not there.
func ensure(ctx context.Context, c *client.Client, path, name string, body any) (string, error) {
	there, err := client.List[named](ctx, c, path, nil)
	if err != nil {
		return "", err
	}
	if id, ok := find(there, name); ok {
		return id, nil
	}
	var one named
	err = c.Call(ctx, http.MethodPost, path, body, &one)
	return one.ID, err
}

type senderIdentity struct {
	Name          string `json:"name"`
	FromName      string `json:"from_name"`
	FromEmail     string `json:"from_email"`
	ReplyTo       string `json:"reply_to"`
	PostalAddress string `json:"postal_address"`
	Default       bool   `json:"default"`
}

// identity is who the demo's mail is from.
var identity = senderIdentity{
	Name: "demo", FromName: "The Slow Post", FromEmail: "post@example.org", ReplyTo: "editors@example.org",
	PostalAddress: "1 Paper Lane, 00000 Example", Default: true,
}

// imports is what an import did.
type imports struct {
	Created int `json:"created"`
	Skipped int `json:"skipped"`
}

// importCSV adds who is not there yet. Who is there stays as they are: a second demo must not subscribe
// anybody again who used the unsubscribe link of the first.
func importCSV(ctx context.Context, c *client.Client, file []byte) (imports, error) {
	var done imports
	err := c.Send(ctx, http.MethodPost, "/subscribers/import?duplicates=skip", bytes.NewReader(file), &done, "Content-Type", "text/csv")
	return done, err
}

// eligible counts the subscribers who may be written to.
func eligible(ctx context.Context, c *client.Client) (int64, error) {
	active, err := client.List[struct{}](ctx, c, "/subscribers", url.Values{"status": {"active"}})
	return int64(len(active)), err
}
