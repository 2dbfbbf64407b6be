package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func publishCommand() *cobra.Command {
	var request api.PublicationInput
	var audience api.AudienceInput
	var key, file string
	var at time.Time
	var channels []string
	var rate int
	var watch, dry bool
	var local string
	command := &cobra.Command{
		Use:   "publish",
		Short: "Hand in a publication",
		Example: `  presswork publish --title "News" --channel email,slack --content 0192f0c4-… --all --watch
  presswork publish --file publication.json --key 2026-11-22-news`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			request.Audience = audience
			return completeRequest(&request, file, channels, rate, at, local)
		},
	}
	flags := command.Flags()
	choose(flags, &file, "file", "read the request from a JSON file, - for standard input")
	flags.StringVar(&request.Title, "title", "", "title")
	flags.StringVar((*string)(&request.PublicationType), "type", "announcement", "announcement, newsletter, digest, alert or transactional")
	flags.StringVar((*string)(&request.Priority), "priority", "", "critical, high, normal or bulk")
	flags.StringSliceVar(&channels, "channel", nil, "email, newsletter, slack, discord or webhook")
	flags.StringSliceVar(&request.ContentIDs, "content", nil, "ids of content items")
	flags.BoolVar(&audience.All, "all", false, "to every active subscriber")
	flags.StringSliceVar(&audience.Topics, "topic", nil, "to subscribers of these topics")
	choose(flags, &request.BrandID, "brand", "the id of the brand that it is of; its sender's unless told")
	flags.Var(moment{&at}, "at", "when, RFC 3339; now unless told")
	flags.StringVar(&local, "local", "", "when, by each reader's own clock: 2030-01-31T09:00")
	choose(flags, &key, "key", "idempotency key: with the same one, the same request is stored once")
	flags.IntVar(&rate, "rate-per-minute", 0, "at most so many messages a minute on each channel; 0: as fast as the channels take them")
	flags.BoolVar(&request.Draft, "draft", false, "store it, and send nothing until it is published: presswork publications publish")
	flags.BoolVar(&request.Approval, "approval", false, "ask that somebody else approves it first")
	flags.BoolVar(&dry, "dry-run", false, "store nothing, and show what would be sent")
	asJSON := jsonFlag(command)
	flags.BoolVar(&watch, "watch", false, "show the progress until everything is settled; an error if it fails as a whole")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		if dry {
			f, err := remote.DryRun(c.Context(), request)
			if err != nil {
				return err
			}
			return showForecast(c, f, *asJSON)
		}
		p, err := remote.Publish(c.Context(), request, keyed(key)...)
		if err != nil {
			return err
		}
		if err := printJSON(c, map[string]string{"id": p.ID, "state": string(p.State)}); err != nil || !watch || p.State == api.AcceptedStateDraft {
			return err
		}
		return watchProgress(c, remote, p.ID)
	})
}

// completeRequest adds to a request what its flags cannot write into it, and what stands in a file. The time of a flag counts
// more than that of the file.
func completeRequest(request *api.PublicationInput, file string, channels []string, rate int, at time.Time, local string) error {
	for _, kind := range channels {
		request.Channels = append(request.Channels, api.ChannelKind(kind))
	}
	if rate != 0 {
		request.RatePerMinute = &rate
	}
	if err := readRequest(request, file); err != nil {
		return err
	}
	if !at.IsZero() {
		request.ScheduleAt = rfc3339(at)
	}
	if local != "" {
		request.ScheduleAt = local + " local"
	}
	return nil
}

// keyed is the option of a call with the idempotency key that was given, if one was.
func keyed(key string) []api.Option {
	if key == "" {
		return nil
	}
	return []api.Option{client.IdempotencyKey(key)}
}

// readRequest takes the request from a file, if one is named.
func readRequest(request *api.PublicationInput, file string) error {
	if file == "" {
		return nil
	}
	text, err := readInput(file)
	if err != nil {
		return err
	}
	// A field that nothing reads may be a mistyped schedule_at.
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(request); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file) //nolint:gosec // the operator names the file
}
