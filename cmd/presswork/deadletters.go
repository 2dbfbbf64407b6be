package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
)

func deadLettersCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "deadletters",
		Short: "List, replay and delete deliveries that failed for good",
	}
	command.AddCommand(deadListCommand(), deadGroupsCommand(), deadShowCommand(), deadDeleteCommand(),
		deadReplayCommand(), deadReplaysCommand(), deadCancelCommand())
	return command
}

// chooseDead adds the flags that choose among dead letters.
func chooseDead(flags *pflag.FlagSet) *client.DeadFilter {
	var f client.DeadFilter
	choose(flags, &f.PublicationID, "publication", "of this publication")
	choose(flags, &f.Channel, "channel", "of this channel: email, newsletter, slack, discord, webhook")
	choose(flags, &f.Queue, "queue", "of this queue: email-bulk, critical, ...")
	choose(flags, &f.Fingerprint, "fingerprint", "with this cause, as groups shows it")
	choose(flags, &f.Code, "code", "with this error code")
	flags.Var(moment{&f.Since}, "since", "failed at or after this time, RFC 3339")
	flags.Var(moment{&f.Until}, "until", "failed before this time, RFC 3339")
	return &f
}

func deadListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List dead letters, newest first"}
	filter := chooseDead(command.Flags())
	limit := command.Flags().Int("limit", 50, "at most so many")
	shown := table[client.DeadLetter]{columns: "ID\tFAILED\tPUBLICATION\tQUEUE\tFINGERPRINT\tERROR", row: func(d client.DeadLetter) []any {
		return []any{d.ID, d.FailedAt.Format(time.DateTime), d.PublicationID, d.Queue, d.Fingerprint, oneLine(d.Error)}
	}}
	return listCommand(command, shown, func(c *cobra.Command, api *client.Client) ([]client.DeadLetter, error) {
		return api.DeadLetters(c.Context(), *filter, *limit)
	})
}

func deadGroupsCommand() *cobra.Command {
	command := &cobra.Command{Use: "groups", Short: "Count dead letters by cause, the most frequent first"}
	filter := chooseDead(command.Flags())
	shown := table[client.DeadGroup]{columns: "COUNT\tFINGERPRINT\tCHANNEL\tCODE\tLAST\tERROR", row: func(g client.DeadGroup) []any {
		return []any{g.Count, g.Fingerprint, g.Channel, g.Code, g.Last.Format(time.DateTime), oneLine(g.Error)}
	}}
	return listCommand(command, shown, func(c *cobra.Command, api *client.Client) ([]client.DeadGroup, error) {
		return api.DeadGroups(c.Context(), *filter)
	})
}

func deadShowCommand() *cobra.Command {
	command := &cobra.Command{Use: "show ID", Short: "Show one dead letter and its replays, as JSON", Args: cobra.ExactArgs(1)}
	command.Flags().Bool("json", true, "print JSON, the only form")
	return withAPI(command, func(c *cobra.Command, api *client.Client, args []string) error {
		ids, err := readIDs(args)
		if err != nil {
			return err
		}
		d, err := api.DeadLetter(c.Context(), ids[0])
		if err != nil {
			return err
		}
		return printJSON(c, d)
	})
}

var errNothingChosen = errors.New("say which: ids, a filter, or --all")

func deadDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "delete [ID...]", Short: "Delete dead letters, by id or by filter; their recipients stay failed",
		Example: "  presswork deadletters delete 17 18\n  presswork deadletters delete --fingerprint 5f2c9a01b7d3e846",
	}
	filter := chooseDead(command.Flags())
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, api *client.Client, args []string) error {
		ids, err := readIDs(args)
		if err != nil {
			return err
		}
		if byFilter := !filter.Empty(); byFilter == (len(ids) > 0) {
			return errors.New("say which: ids or a filter")
		}
		n := int64(len(ids))
		for _, id := range ids {
			if err := api.DeleteDeadLetter(c.Context(), id); err != nil {
				return err
			}
		}
		if n == 0 {
			if n, err = api.DeleteDeadLetters(c.Context(), *filter); err != nil {
				return err
			}
		}
		if *asJSON {
			return printJSON(c, map[string]int64{"deleted": n})
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d deleted\n", n)
		return err
	})
}
