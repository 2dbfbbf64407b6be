package main

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
)

func deadReplayCommand() *cobra.Command {
	var target apiFlags
	var chosen deadFlags
	var request client.ReplayRequest
	var failing float64
	var asJSON, watch, all bool
	command := &cobra.Command{
		Use: "replay [ID...]", Short: "Try failed recipients once more: by id, by filter, or all",
		Long: `Make failed recipients owed again, with all their attempts. The ledger sees to it that nobody who was reached is sent to
twice. A replay is a job of the scheduler and goes on without this command; too many that fail again stop it.`,
		Example: `  presswork deadletters replay --fingerprint 5f2c9a01b7d3e846 --dry-run
  presswork deadletters replay --fingerprint 5f2c9a01b7d3e846 --canary 10 --rate 50 --watch`,
	}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		var err error
		if request.Filter, err = chosen.filter(); err != nil {
			return err
		}
		for _, text := range args {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("read the id: %w", err)
			}
			request.Filter.IDs = append(request.Filter.IDs, id)
		}
		if some := c.Flags().Changed("publication") || c.Flags().Changed("channel") || c.Flags().Changed("queue") ||
			c.Flags().Changed("fingerprint") || c.Flags().Changed("code") || c.Flags().Changed("since") ||
			c.Flags().Changed("until") || len(args) > 0; some == all {
			return errNothingChosen
		}
		if c.Flags().Changed("max-failing") {
			request.MaxFailing = &failing
		}
		r, err := api.ReplayDeadLetters(c.Context(), request)
		if err != nil {
			return err
		}
		if watch && !request.DryRun {
			if r, err = watchReplay(c, api, r); err != nil {
				return err
			}
		}
		return showReplay(c, r, request.DryRun, asJSON)
	})
	flags := command.Flags()
	target.add(flags)
	chosen.add(flags)
	flags.BoolVar(&all, "all", false, "every dead letter")
	flags.BoolVar(&request.DryRun, "dry-run", false, "count only")
	flags.IntVar(&request.Canary, "canary", 0, "replay so many first, and the rest only if few enough of them fail again")
	flags.Float64Var(&request.Rate, "rate", 100, "recipients a second")
	flags.Float64Var(&failing, "max-failing", 0.5, "stop when more than this share of those that are settled did not get through")
	flags.BoolVar(&watch, "watch", false, "wait for the end")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func watchReplay(c *cobra.Command, api *client.Client, r client.Replay) (client.Replay, error) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for !r.Final() {
		select {
		case <-c.Context().Done():
			return r, c.Context().Err()
		case <-tick.C:
		}
		next, err := api.Replay(c.Context(), r.ID)
		if err == nil {
			r = next
		} else if !client.Passing(err) {
			return r, err
		}
	}
	return r, nil
}

func showReplay(c *cobra.Command, r client.Replay, dry, asJSON bool) error {
	var err error
	switch out := c.OutOrStdout(); {
	case asJSON && dry:
		err = printJSON(c, map[string]any{"dry_run": true, "matched": r.Matched})
	case asJSON:
		err = printJSON(c, r)
	case dry:
		_, err = fmt.Fprintf(out, "%d would be replayed\n", r.Matched)
	default:
		_, err = fmt.Fprintf(out, "replay %s is %s: %d of %d replayed, %d sent, %d failed, %d uncertain, %d skipped, %d waiting, %d refused %s\n",
			r.ID, r.State, r.Reopened, r.Matched, r.Sent, r.Failed, r.Uncertain, r.Skipped, r.Waiting, r.Refused, r.Note)
	}
	return err
}

func deadReplaysCommand() *cobra.Command {
	var target apiFlags
	var asJSON bool
	command := &cobra.Command{Use: "replays [REPLAY]", Short: "List the newest replays, or show one", Args: cobra.MaximumNArgs(1)}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		if len(args) == 1 {
			r, err := api.Replay(c.Context(), args[0])
			if err != nil {
				return err
			}
			return showReplay(c, r, false, asJSON)
		}
		list, err := api.Replays(c.Context(), 50)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, list)
		}
		table := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ID\tSTATE\tCREATED\tMATCHED\tREPLAYED\tSENT\tFAILED\tUNCERTAIN\tWAITING")
		for _, r := range list {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", r.ID, r.State, r.CreatedAt.Format(time.DateTime),
				r.Matched, r.Reopened, r.Sent, r.Failed, r.Uncertain, r.Waiting)
		}
		return table.Flush()
	})
	target.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

func deadCancelCommand() *cobra.Command {
	var target apiFlags
	var asJSON bool
	command := &cobra.Command{Use: "cancel REPLAY", Short: "Stop a replay; what it made owed again goes on", Args: cobra.ExactArgs(1)}
	command.RunE = withAPI(&target, func(c *cobra.Command, api *client.Client, args []string) error {
		r, err := api.CancelReplay(c.Context(), args[0])
		if err != nil {
			return err
		}
		return showReplay(c, r, false, asJSON)
	})
	target.add(command.Flags())
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}
