package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func segmentsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "segments",
		Short: "List audiences by rule, count them, and make new ones",
		Long:  "A segment is named by its slug or its id. docs/segments.md has the rules.",
	}
	command.AddCommand(segmentsListCommand(), segmentsShowCommand(), segmentsPreviewCommand(), segmentsCreateCommand(), segmentsDeleteCommand(),
		segmentsSnapshotCommand(), segmentsSnapshotsCommand())
	return command
}

func segmentsListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the segments, the oldest first"}
	limit := command.Flags().Int("limit", 50, "at most so many")
	columns := table[api.Segment]{columns: "ID\tSLUG\tVERSION\tNAME\tWORDS", row: func(s api.Segment) []any {
		return []any{s.ID, s.Slug, s.Version, oneLine(s.Name), oneLine(s.Words)}
	}}
	return listCommand(command, columns, func(c *cobra.Command, remote *client.Client) ([]api.Segment, error) {
		return client.Collect(remote.Segments(c.Context(), api.ListSegmentsParams{Limit: page(*limit)}), *limit)
	})
}

// findSegment is the segment with a slug or an id.
func findSegment(ctx context.Context, remote *client.Client, name string) (api.Segment, error) {
	slug := strings.ToLower(strings.TrimSpace(name))
	for s, err := range remote.Segments(ctx, api.ListSegmentsParams{}) {
		if err != nil || s.Slug == slug || s.ID == name {
			return s, err
		}
	}
	return api.Segment{}, fmt.Errorf("there is no segment %q", name)
}

func segmentsShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "show SEGMENT", Short: "Say in words what a segment is, and how many each of its conditions holds for", Args: cobra.ExactArgs(1),
	}
	about := command.Flags().String("subscriber", "", "and what holds for the subscriber with this id")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := findSegment(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		e, err := remote.ExplainSegment(c.Context(), s.ID, api.ExplainSegmentParams{SubscriberID: *about})
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, e)
		}
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s (version %d)\n%s\n\n", s.Slug, s.Version, e.Words)
		columns := table[api.SegmentCondition]{columns: "READERS\tHOLDS\tCONDITION", row: func(p api.SegmentCondition) []any {
			return []any{orDash(p.Count), orDash(p.Holds), p.Words}
		}}
		return columns.show(c, e.Conditions, false)
	})
}

// orDash is what a pointer points to, or a dash.
func orDash[T any](p *T) any {
	if p == nil {
		return "-"
	}
	return *p
}

func segmentsPreviewCommand() *cobra.Command {
	command := &cobra.Command{Use: "preview SEGMENT", Short: "Count who belongs to a segment now, and show some", Args: cobra.ExactArgs(1)}
	sample := command.Flags().Int("sample", 5, "how many readers to show, 1 to 20")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := findSegment(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		p, err := remote.PreviewSegment(c.Context(), s.ID, api.PreviewSegmentParams{Sample: *sample})
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, p)
		}
		about := ""
		if p.CountIsEstimate {
			about = "about "
		}
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s%d readers\n", about, p.Count)
		for _, r := range p.Sample {
			_, _ = fmt.Fprintln(c.OutOrStdout(), r.ID, r.Email)
		}
		return nil
	})
}

func segmentsCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "create NAME", Short: "Make a segment of a rule", Args: cobra.ExactArgs(1),
		Long: "Make a segment of a rule, which is JSON: as it stands after --rule, or in the file that @ precedes.",
	}
	rule := command.Flags().String("rule", "", `the rule, as in '{"country":["DE"]}' or @rule.json`)
	slug := command.Flags().String("slug", "", "what others name it by (default: made of the name)")
	description := command.Flags().String("description", "", "what it is for")
	must(command, "rule")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		in := api.SegmentInput{Name: args[0], Slug: *slug, Description: *description}
		text := []byte(*rule)
		if file, named := strings.CutPrefix(*rule, "@"); named {
			var err error
			if text, err = os.ReadFile(file); err != nil { //nolint:gosec // whoever runs the command named it
				return err
			}
		}
		if err := json.Unmarshal(text, &in.Rule); err != nil {
			return fmt.Errorf("read the rule: %w", err)
		}
		s, err := remote.CreateSegment(c.Context(), in)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, s)
		}
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s\t%s\n%s\n", s.ID, s.Slug, s.Words)
		return nil
	})
}

func segmentsDeleteCommand() *cobra.Command {
	command := &cobra.Command{Use: "delete SEGMENT", Short: "Delete a segment that nothing refers to", Args: cobra.ExactArgs(1)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := findSegment(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		return remote.DeleteSegment(c.Context(), s.ID)
	})
}
