package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func uncertainCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "uncertain",
		Short: "List recipients of whom nobody knows whether they were reached, and decide about them",
	}
	command.AddCommand(uncertainListCommand(), uncertainCountCommand(), uncertainDecideCommand())
	return command
}

// chooseUncertain adds the flags that choose among uncertain recipients.
func chooseUncertain(flags *pflag.FlagSet) *api.CountUncertainParams {
	var f api.CountUncertainParams
	choose(flags, &f.PublicationID, "publication", "of this publication")
	choose(flags, (*string)(&f.Channel), "channel", "of this channel: email, newsletter, slack, discord, webhook")
	choose(flags, &f.Reason, "reason", "no_answer or process_died")
	flags.Var(moment{&f.Before}, "before", "uncertain since before this time, RFC 3339")
	return &f
}

func uncertainListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List them, the oldest first"}
	filter := chooseUncertain(command.Flags())
	limit := command.Flags().Int("limit", 50, "at most so many")
	shown := table[api.UncertainRecipient]{columns: "ID\tSINCE\tPUBLICATION\tCHANNEL\tREASON\tRESENDS", row: func(u api.UncertainRecipient) []any {
		return []any{u.ID, u.Since.Format(time.DateTime), u.PublicationID, u.Channel, u.Reason, u.Resends}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.UncertainRecipient, error) {
		return client.Collect(remote.Uncertain(c.Context(), api.ListUncertainParams{
			Limit: page(*limit), PublicationID: filter.PublicationID, Channel: filter.Channel, Reason: filter.Reason, Before: filter.Before,
		}), *limit)
	})
}

func uncertainCountCommand() *cobra.Command {
	command := &cobra.Command{Use: "count", Short: "Count them by publication, channel and reason"}
	filter := chooseUncertain(command.Flags())
	shown := table[api.UncertainCount]{columns: "COUNT\tPUBLICATION\tCHANNEL\tREASON\tOLDEST", row: func(n api.UncertainCount) []any {
		return []any{n.Count, n.PublicationID, n.Channel, n.Reason, n.Oldest.Format(time.DateTime)}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.UncertainCount, error) {
		list, err := remote.CountUncertain(c.Context(), *filter)
		return list.Items, err
	})
}

func uncertainDecideCommand() *cobra.Command {
	var request api.DecisionInput
	command := &cobra.Command{
		Use:   "decide resend|sent|failed",
		Short: "Send to them once more, or settle them as somebody found out",
		Long: `Decide about everybody whom the flags choose. resend makes them owed again: who was reached gets a second copy. sent and
failed say what somebody found out, in the provider's log for example.`,
		Example:   "  presswork uncertain decide resend --publication 0192f0c4-…\n  presswork uncertain decide sent --id 17 --id 18",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"resend", "sent", "failed"},
	}
	filter := chooseUncertain(command.Flags())
	command.Flags().BoolVar(&request.All, "all", false, "everybody")
	command.Flags().Int64SliceVar(&request.IDs, "id", nil, "with this id, as list shows it")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		request.Decision = api.DecisionInputDecision(args[0])
		request.PublicationID, request.Channel = filter.PublicationID, api.DecisionInputChannel(filter.Channel)
		request.Reason, request.Before = api.DecisionInputReason(filter.Reason), filter.Before
		d, err := remote.DecideAll(c.Context(), request)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, d)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d decided, %d with a worker just now, %d uncertain for less than a minute, %d of ended publications\n",
			d.Changed, d.Busy, d.TooSoon, d.Refused)
		return err
	})
}
