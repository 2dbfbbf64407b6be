// Package demo is what `make demo` does: it sets a running Presswork up through its public API, publishes to
// a thousand invented subscribers and to chats and webhooks that the sandbox stands in for, watches, and
// compares what Presswork says was sent with what the sandbox received.
package demo

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/progress"
	"github.com/presswork/presswork/internal/sandbox"
)

//go:generate go run ./generate data/subscribers.csv

//go:embed data/subscribers.csv
var subscribersCSV []byte

// Subscribers is the CSV file of the demo's subscribers.
func Subscribers() []byte { return append([]byte(nil), subscribersCSV...) }

// Sandbox is what the demo needs of the stand-in providers: where they are, and what they received.
// *sandbox.Sandbox is one.
type Sandbox interface {
	SESEndpoint() string
	SlackAPIURL() string
	SlackHookURL(name string) string
	DiscordAPIURL() string
	DiscordHookURL(name string) string
	WebhookURL(name string) string
	WebhookSecret(name string) string
	// Arrivals is by publication uid.
	Arrivals() map[string]sandbox.Arrivals
}

// Options of Run.
type Options struct {
	// API is the base URL of the running API, without /api/v1: "http://127.0.0.1:8080"; Key its admin key.
	API, Key string
	Sandbox  Sandbox
	// Out gets a line for each step and the table at the end; nil: nowhere.
	Out io.Writer
	// Progress shows how far each channel is; nil: nowhere.
	Progress *progress.Display
	// Subscribers is a CSV file; the demo's own if empty.
	Subscribers []byte

	period time.Duration // between two looks at the progress; pollPeriod if 0
}

// Run sets up, publishes once to all channels and waits until the publication has come to its end, or ctx
// has. It may be repeated on the same database: channels are pointed at the present sandbox, everything else
// that is there already stays as it is, unsubscribed readers included.
//
// The error says why the publication could not be made or watched; whether all went well says Result.Check.
// When ctx ends early the Result is what was known by then.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Progress == nil {
		o.Progress = progress.New(io.Discard)
	}
	if len(o.Subscribers) == 0 {
		o.Subscribers = subscribersCSV
	}
	if o.period == 0 {
		o.period = pollPeriod
	}
	c := client.New(o.API, o.Key)
	defer c.Close()
	made, err := setUp(ctx, c, o)
	if err != nil {
		return Result{}, fmt.Errorf("set the demo up: %w", err)
	}
	accepted, err := publish(ctx, c, made)
	if err != nil {
		return Result{}, fmt.Errorf("publish: %w", err)
	}
	fmt.Fprintf(o.Out, "Publication %s was accepted for %d subscribers and %d places.\n\n",
		accepted.ID, made.subscribers, made.targets["slack"]+made.targets["discord"]+made.targets["webhook"])
	last, err := client.Last(c.Watch(ctx, accepted.ID, o.period), o.Progress.Show)
	o.Progress.End()
	result := newResult(made, accepted, last, o.Sandbox.Arrivals()[accepted.ID])
	if err != nil {
		return result, fmt.Errorf("watch publication %s: %w", accepted.ID, err)
	}
	return result, result.table(o.Out)
}
