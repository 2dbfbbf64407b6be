package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
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

// deadFlags choose among dead letters.
type deadFlags struct {
	client.DeadFilter
	since, until string
}

func (f *deadFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.PublicationID, "publication", "", "of this publication")
	flags.StringVar(&f.Channel, "channel", "", "of this channel: email, newsletter, slack, discord, webhook")
	flags.StringVar(&f.Queue, "queue", "", "of this queue: email-bulk, critical, ...")
	flags.StringVar(&f.Fingerprint, "fingerprint", "", "with this cause, as groups shows it")
	flags.StringVar(&f.Code, "code", "", "with this error code")
	flags.StringVar(&f.since, "since", "", "failed at or after this time, RFC 3339")
	flags.StringVar(&f.until, "until", "", "failed before this time, RFC 3339")
}

func (f *deadFlags) filter() (client.DeadFilter, error) {
	for text, into := range map[*string]**time.Time{&f.since: &f.Since, &f.until: &f.Until} {
		if *text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, *text)
		if err != nil {
			return f.DeadFilter, fmt.Errorf("--since and --until: %w", err)
		}
		*into = &at
	}
	return f.DeadFilter, nil
}

// withAPI runs what a command does against the API.
func withAPI(target *apiFlags, do func(*cobra.Command, *client.Client, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		api, err := target.open()
		if err != nil {
			return err
		}
		defer api.Close()
		return do(c, api, args)
	}
}

func printJSON(c *cobra.Command, v any) error { return json.NewEncoder(c.OutOrStdout()).Encode(v) }

func deadListCommand() *cobra.Command {
	var target apiFlags
	var chosen deadFlags
	var asJSON bool
	var limit int
	command := &cobra.Command{Use: "list", Short: "List dead letters, newest first", Args: cobra.NoArgs}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, _ []string) error {
		f, err := chosen.filter()
		if err != nil {
			return err
		}
		list, err := api.DeadLetters(c.Context(), f, limit)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, list)
		}
		table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tFAILED\tPUBLICATION\tQUEUE\tFINGERPRINT\tERROR")
		for _, d := range list {
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.FailedAt.Format(time.DateTime), d.PublicationID, d.Queue, d.Fingerprint, oneLine(d.Error))
		}
		return table.Flush()
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().IntVar(&limit, "limit", 50, "at most so many")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// oneLine is a text as it fits a table.
func oneLine(text string) string {
	const most = 100
	runes := []rune(text)
	for i, r := range runes {
		if r < ' ' {
			runes[i] = ' '
		}
	}
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}

func deadGroupsCommand() *cobra.Command {
	var target apiFlags
	var chosen deadFlags
	var asJSON bool
	command := &cobra.Command{Use: "groups", Short: "Count dead letters by cause, the most frequent first", Args: cobra.NoArgs}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, _ []string) error {
		f, err := chosen.filter()
		if err != nil {
			return err
		}
		list, err := api.DeadGroups(c.Context(), f)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, list)
		}
		table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "COUNT\tFINGERPRINT\tCHANNEL\tCODE\tLAST\tERROR")
		for _, g := range list {
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", g.Count, g.Fingerprint, g.Channel, g.Code, g.Last.Format(time.DateTime), oneLine(g.Error))
		}
		return table.Flush()
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func deadShowCommand() *cobra.Command {
	var target apiFlags
	command := &cobra.Command{Use: "show ID", Short: "Show one dead letter and its replays, as JSON", Args: cobra.ExactArgs(1)}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return fmt.Errorf("read the id: %w", err)
		}
		d, err := api.DeadLetter(c.Context(), id)
		if err != nil {
			return err
		}
		return printJSON(c, d)
	})
	target.add(command.Flags())
	command.Flags().Bool("json", true, "print JSON, the only form")
	return command
}

var errNothingChosen = errors.New("say which: an id or a filter")

func deadDeleteCommand() *cobra.Command {
	var target apiFlags
	var chosen deadFlags
	var asJSON bool
	command := &cobra.Command{
		Use: "delete [ID...]", Short: "Delete dead letters, by id or by filter; their recipients stay failed",
		Example: "  presswork deadletters delete 17 18\n  presswork deadletters delete --fingerprint 5f2c9a01b7d3e846",
	}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		f, err := chosen.filter()
		if err != nil {
			return err
		}
		var n int64
		for _, text := range args {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("read the id: %w", err)
			}
			if err := api.DeleteDeadLetter(c.Context(), id); err != nil {
				return err
			}
			n++
		}
		if len(args) == 0 {
			if n, err = api.DeleteDeadLetters(c.Context(), f); err != nil {
				return err
			}
		}
		if asJSON {
			return printJSON(c, map[string]int64{"deleted": n})
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d deleted\n", n)
		return err
	})
	target.add(command.Flags())
	chosen.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
