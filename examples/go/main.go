// Command go is an example of a program that publishes with the Go client: it makes a topic, three subscribers, a
// brand, a template and two contents, publishes them, follows the progress, lists who got what, and receives the publication
// and the event that it is completed by webhooks, whose signatures it verifies.
//
//	PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=true bin/presswork all    # in one terminal
//	PRESSWORK_API_KEY=$(cat .presswork/api-key) go run ./examples/go    # in another
//
// It may be run again: what is there already stays, and the publication is a new one each time. No mail leaves: the
// e-mail channel is a placeholder. It uses nothing of Presswork but its public packages, and may be copied.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	address := cmp.Or(os.Getenv("PRESSWORK_API_URL"), "http://localhost:8080")
	err := run(ctx, address, os.Getenv("PRESSWORK_API_KEY"), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, key string, out io.Writer) error {
	c := client.New(address, key)
	defer c.Close()
	inbox, err := listen(ctx)
	if err != nil {
		return err
	}
	defer inbox.close()
	fmt.Fprintln(out, "== What the publication is made of, and who it is for")
	parts, err := prepare(ctx, c)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	disconnect, err := connect(ctx, c, inbox)
	if disconnect != nil {
		defer disconnect()
	}
	if err != nil {
		return fmt.Errorf("connect the inbox: %w", err)
	}

	fmt.Fprintln(out, "== The publication. With the same key it is stored once, however often it is handed in")
	id, err := publish(ctx, c, parts, out)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	fmt.Fprintln(out, "== Its progress, until everything is settled")
	end, err := client.Last(c.Follow(ctx, id), func(p api.Progress) {
		fmt.Fprintf(out, "%s: %d of %d\n", p.State, p.All.Settled(), p.All.Total)
	})
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	if end.State != api.PublicationStateCompleted {
		return fmt.Errorf("publication %s is %s", id, end.State)
	}
	fmt.Fprintln(out, "== Who got it")
	for r, err := range c.Recipients(ctx, id, api.ListRecipientsParams{}) {
		if err != nil {
			return fmt.Errorf("list recipients: %w", err)
		}
		fmt.Fprintf(out, "%s: %s after %d attempts\n", r.Channel, r.State, r.AttemptsUsed)
	}
	fmt.Fprintln(out, "== What came by webhooks")
	return inbox.await(ctx, id, out)
}

// publish hands the publication in twice, as a program does that lost the first answer.
func publish(ctx context.Context, c *client.Client, p parts, out io.Writer) (api.ID, error) {
	publication := api.PublicationInput{
		Title: "The Garden Post", PublicationType: api.PublicationTypeNewsletter,
		Channels:   []api.ChannelKind{api.ChannelKindEmail, api.ChannelKindWebhook},
		ContentIDs: p.contents, Audience: api.AudienceInput{Topics: []string{p.topic}},
		TemplateIDs: map[string]api.ID{"email": p.template}, BrandID: p.brand,
	}
	forecast, err := c.DryRun(ctx, publication)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "it would be %s, to %d channels\n", forecast.State, len(forecast.Channels))
	// A key of one's own outlives this process. Without one the client makes one up, for as long as the call lasts.
	once := client.IdempotencyKey("example-" + p.contents[0])
	var first, again client.Answer
	accepted, err := c.Publish(ctx, publication, once, client.Into(&first))
	if err != nil {
		return "", err
	}
	repeated, err := c.Publish(ctx, publication, once, client.Into(&again))
	if err != nil {
		return "", err
	}
	if repeated.ID != accepted.ID || first.Replayed || !again.Replayed {
		return "", fmt.Errorf("the repetition made %s beside %s", repeated.ID, accepted.ID)
	}
	fmt.Fprintf(out, "%s is %s\n", accepted.ID, accepted.State)
	return accepted.ID, nil
}
