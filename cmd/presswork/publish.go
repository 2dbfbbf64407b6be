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
)

func publishCommand() *cobra.Command {
	var request client.PublicationRequest
	var audience client.Audience
	var key, file string
	var at *time.Time
	var watch, dry bool
	command := &cobra.Command{
		Use:   "publish",
		Short: "Hand in a publication",
		Example: `  presswork publish --title "News" --channel email,slack --content 0192f0c4-… --all --watch
  presswork publish --file publication.json --key 2026-11-22-news`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if audience.All || len(audience.Topics) > 0 {
				request.Audience = &audience
			}
			err := readRequest(&request, file)
			if at != nil {
				request.ScheduleAt = at
			}
			return err
		},
	}
	flags := command.Flags()
	choose(flags, &file, "file", "read the request from a JSON file, - for standard input")
	flags.StringVar(&request.Title, "title", "", "title")
	flags.StringVar(&request.Type, "type", "announcement", "announcement, newsletter, digest, alert or transactional")
	flags.StringVar(&request.Priority, "priority", "", "critical, high, normal or bulk")
	flags.StringSliceVar(&request.Channels, "channel", nil, "email, newsletter, slack, discord or webhook")
	flags.StringSliceVar(&request.ContentIDs, "content", nil, "ids of content items")
	flags.BoolVar(&audience.All, "all", false, "to every active subscriber")
	flags.StringSliceVar(&audience.Topics, "topic", nil, "to subscribers of these topics")
	flags.Var(moment{&at}, "at", "when, RFC 3339; now unless told")
	choose(flags, &key, "key", "idempotency key: with the same one, the same request is stored once")
	flags.IntVar(&request.RatePerMinute, "rate-per-minute", 0, "at most so many messages a minute on each channel; 0: as fast as the channels take them")
	flags.BoolVar(&request.Draft, "draft", false, "store it, and send nothing until it is published: presswork publications publish")
	flags.BoolVar(&request.Approval, "approval", false, "ask that somebody else approves it first")
	flags.BoolVar(&dry, "dry-run", false, "store nothing, and show what would be sent")
	asJSON := jsonFlag(command)
	flags.BoolVar(&watch, "watch", false, "show the progress until everything is settled; an error if it fails as a whole")
	return withAPI(command, func(c *cobra.Command, api *client.Client, _ []string) error {
		if dry {
			f, err := api.DryRun(c.Context(), request)
			if err != nil {
				return err
			}
			return showForecast(c, f, *asJSON)
		}
		p, err := api.Publish(c.Context(), request, key)
		if err != nil {
			return err
		}
		if err := printJSON(c, map[string]string{"id": p.ID, "state": p.State}); err != nil || !watch || p.State == "draft" {
			return err
		}
		return watchProgress(c, api, p.ID)
	})
}

// readRequest takes the request from a file, if one is named.
func readRequest(request *client.PublicationRequest, file string) error {
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
