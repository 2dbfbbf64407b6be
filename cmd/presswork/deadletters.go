package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
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
func chooseDead(flags *pflag.FlagSet) *api.GroupDeadLettersParams {
	var f api.GroupDeadLettersParams
	choose(flags, &f.PublicationID, "publication", "of this publication")
	choose(flags, (*string)(&f.Channel), "channel", "of this channel: email, newsletter, slack, discord, webhook")
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
	shown := table[api.DeadLetter]{columns: "ID\tFAILED\tPUBLICATION\tQUEUE\tFINGERPRINT\tERROR", row: func(d api.DeadLetter) []any {
		return []any{d.ID, d.FailedAt.Format(time.DateTime), d.PublicationID, d.Queue, d.Fingerprint, oneLine(d.Error)}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.DeadLetter, error) {
		return client.Collect(remote.DeadLetters(c.Context(), api.ListDeadLettersParams{
			Limit: page(*limit), PublicationID: filter.PublicationID, Channel: filter.Channel, Queue: filter.Queue,
			Fingerprint: filter.Fingerprint, Code: filter.Code, Since: filter.Since, Until: filter.Until,
		}), *limit)
	})
}

func deadGroupsCommand() *cobra.Command {
	command := &cobra.Command{Use: "groups", Short: "Count dead letters by cause, the most frequent first"}
	filter := chooseDead(command.Flags())
	shown := table[api.DeadLetterGroup]{columns: "COUNT\tFINGERPRINT\tCHANNEL\tCODE\tLAST\tERROR", row: func(g api.DeadLetterGroup) []any {
		return []any{g.Count, g.Fingerprint, g.Channel, g.Code, g.LastFailedAt.Format(time.DateTime), oneLine(g.Error)}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.DeadLetterGroup, error) {
		list, err := remote.GroupDeadLetters(c.Context(), *filter)
		return list.Items, err
	})
}

func deadShowCommand() *cobra.Command {
	command := &cobra.Command{Use: "show ID", Short: "Show one dead letter and its replays, as JSON", Args: cobra.ExactArgs(1)}
	command.Flags().Bool("json", true, "print JSON, the only form")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		ids, err := readIDs(args)
		if err != nil {
			return err
		}
		d, err := remote.GetDeadLetter(c.Context(), ids[0])
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
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		ids, err := readIDs(args)
		if err != nil {
			return err
		}
		if byFilter := *filter != (api.GroupDeadLettersParams{}); byFilter == (len(ids) > 0) {
			return errors.New("say which: ids or a filter")
		}
		n := int64(len(ids))
		for _, id := range ids {
			if err := remote.DeleteDeadLetter(c.Context(), id); err != nil {
				return err
			}
		}
		if n == 0 {
			done, err := remote.DeleteDeadLetters(c.Context(), api.DeleteDeadLettersParams(*filter))
			if err != nil {
				return err
			}
			n = done.Deleted
		}
		if *asJSON {
			return printJSON(c, map[string]int64{"deleted": n})
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d deleted\n", n)
		return err
	})
}
