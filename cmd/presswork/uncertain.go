package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
)

func uncertainCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "uncertain",
		Short: "List recipients of whom nobody knows whether they were reached, and decide about them",
	}
	command.AddCommand(uncertainListCommand(), uncertainCountCommand(), uncertainDecideCommand())
	return command
}

// uncertainFlags choose among uncertain recipients.
type uncertainFlags struct {
	client.UncertainFilter
	before string
}

func (f *uncertainFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.PublicationID, "publication", "", "of this publication")
	flags.StringVar(&f.Channel, "channel", "", "of this channel: email, newsletter, slack, discord, webhook")
	flags.StringVar(&f.Reason, "reason", "", "no_answer or process_died")
	flags.StringVar(&f.before, "before", "", "uncertain since before this time, RFC 3339")
}

func (f *uncertainFlags) filter() (client.UncertainFilter, error) {
	if f.before != "" {
		at, err := time.Parse(time.RFC3339, f.before)
		if err != nil {
			return f.UncertainFilter, fmt.Errorf("--before: %w", err)
		}
		f.Before = &at
	}
	return f.UncertainFilter, nil
}

func uncertainListCommand() *cobra.Command {
	var target apiFlags
	var chosen uncertainFlags
	var asJSON bool
	var limit int
	command := &cobra.Command{Use: "list", Short: "List them, the oldest first", Args: cobra.NoArgs}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, _ []string) error {
		f, err := chosen.filter()
		if err != nil {
			return err
		}
		list, err := api.Uncertain(c.Context(), f, limit)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, list)
		}
		table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tSINCE\tPUBLICATION\tCHANNEL\tREASON\tRESENDS")
		for _, u := range list {
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%d\n", u.ID, u.Since.Format(time.DateTime), u.PublicationID, u.Channel, u.Reason, u.Resends)
		}
		return table.Flush()
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().IntVar(&limit, "limit", 50, "at most so many")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func uncertainCountCommand() *cobra.Command {
	var target apiFlags
	var chosen uncertainFlags
	var asJSON bool
	command := &cobra.Command{Use: "count", Short: "Count them by publication, channel and reason", Args: cobra.NoArgs}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, _ []string) error {
		f, err := chosen.filter()
		if err != nil {
			return err
		}
		list, err := api.CountUncertain(c.Context(), f)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, list)
		}
		table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "COUNT\tPUBLICATION\tCHANNEL\tREASON\tOLDEST")
		for _, n := range list {
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", n.Count, n.PublicationID, n.Channel, n.Reason, n.Oldest.Format(time.DateTime))
		}
		return table.Flush()
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func uncertainDecideCommand() *cobra.Command {
	var target apiFlags
	var chosen uncertainFlags
	var request client.DecideRequest
	var asJSON bool
	command := &cobra.Command{
		Use:   "decide resend|sent|failed",
		Short: "Send to them once more, or settle them as somebody found out",
		Long: `Decide about everybody whom the flags choose. resend makes them owed again: who was reached gets a second copy. sent and
failed say what somebody found out, in the provider's log for example.`,
		Example:   "  presswork uncertain decide resend --publication 0192f0c4-…\n  presswork uncertain decide sent --id 17 --id 18",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"resend", "sent", "failed"},
	}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		var err error
		if request.UncertainFilter, err = chosen.filter(); err != nil {
			return err
		}
		request.Decision = args[0]
		d, err := api.DecideUncertain(c.Context(), request)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, d)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d decided, %d with a worker just now, %d uncertain for less than a minute, %d of ended publications\n",
			d.Changed, d.Busy, d.TooSoon, d.Refused)
		return err
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().BoolVar(&request.All, "all", false, "everybody")
	command.Flags().Int64SliceVar(&request.IDs, "id", nil, "with this id, as list shows it")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
