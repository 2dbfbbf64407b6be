package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/client/webhook"
)

// inbox is a server of our own that takes what Presswork posts.
type inbox struct {
	server   *http.Server
	url      string
	secret   string
	received chan webhook.Event
}

func listen(ctx context.Context) (*inbox, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it does not fail
	in := &inbox{
		url: "http://" + listener.Addr().String() + "/presswork", secret: "whsec_" + base64.StdEncoding.EncodeToString(key),
		received: make(chan webhook.Event, 16),
	}
	verifier, err := webhook.NewVerifier(in.secret)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	// What is not signed with our secret never gets to take.
	mux.Handle("POST /presswork", webhook.Handler(verifier, in.take))
	in.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = in.server.Serve(listener) }()
	return in, nil
}

// take puts an event away, and the work is done later: Presswork waits for the answer. What is refused comes again.
func (in *inbox) take(ctx context.Context, e webhook.Event) error {
	select {
	case in.received <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await shows what came of a publication: itself, by the channel, and that it was completed, as an event.
func (in *inbox) await(ctx context.Context, id api.ID, out io.Writer) error {
	seen := map[string]bool{} // the same event may come twice, and in any order
	for published, completed := false, false; !published || !completed; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-in.received:
			if seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			switch data := e.Data.(type) {
			case *api.PublishedPublication:
				published = published || data.ID == id
				fmt.Fprintf(out, "%s: %s, %d items\n", e.Type, data.Title, len(data.Items))
			case *api.PublicationEventData:
				completed = completed || data.Publication == id
				fmt.Fprintf(out, "%s: %d of %d were sent to\n", e.Type, data.Counts.Sent, data.Counts.Recipients)
			default: // such as the test that has to be answered before anything else is posted
				fmt.Fprintf(out, "%s\n", e.Type)
			}
		}
	}
	return nil
}

func (in *inbox) close() { _ = in.server.Close() }

// connect makes a channel that posts every publication to the inbox, and an endpoint that is told when one is completed.
// Both are enabled once the inbox has answered a test.
func connect(ctx context.Context, c *client.Client, in *inbox) (disconnect func(), err error) {
	place, err := c.CreateChannel(ctx, api.ChannelInput{
		Kind: api.ChannelKindWebhook, Provider: "webhook", Name: "example-" + strings.ToLower(rand.Text()), Enabled: new(true),
		Settings: map[string]string{"url": in.url}, Secrets: map[string]string{"signing_secrets": in.secret},
	})
	if err != nil {
		return nil, fmt.Errorf("make a channel: %w", err)
	}
	endpoint, err := c.CreateWebhookEndpoint(ctx, api.WebhookEndpointNew{
		URL: in.url, Secret: in.secret, Events: []string{"publication.completed"}, Enabled: new(true),
	})
	return func() { // also when the program is interrupted: its inbox is gone with it
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = c.DeleteChannel(ctx, place.ID, client.IfVersion(0))
		if endpoint.ID != "" {
			_ = c.DeleteWebhookEndpoint(ctx, endpoint.ID, client.IfVersion(0))
		}
	}, err
}
