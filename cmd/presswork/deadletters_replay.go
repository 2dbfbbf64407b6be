package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func deadReplayCommand() *cobra.Command {
	var request api.ReplayInput
	command := &cobra.Command{
		Use: "replay [ID...]", Short: "Try failed recipients once more: by id, by filter, or all",
		Long: `Make failed recipients owed again, with all their attempts. The ledger sees to it that nobody who was reached is sent to
twice. A replay is a job of the scheduler and goes on without this command; too many that fail again stop it.`,
		Example: `  presswork deadletters replay --fingerprint 5f2c9a01b7d3e846 --dry-run
  presswork deadletters replay --fingerprint 5f2c9a01b7d3e846 --canary 10 --rate 50 --watch`,
	}
	flags := command.Flags()
	filter := chooseDead(flags)
	flags.BoolVar(&request.All, "all", false, "every dead letter")
	flags.BoolVar(&request.DryRun, "dry-run", false, "count only")
	flags.IntVar(&request.Canary, "canary", 0, "replay so many first, and the rest only if few enough of them fail again")
	rate := flags.Float64("rate", 100, "recipients a second")
	failing := flags.Float64("max-failing", 0.5, "stop when more than this share of those that are settled did not get through")
	watch := flags.Bool("watch", false, "wait for the end; an error if it is stopped")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		var err error
		request.RatePerSecond = rate
		request.Filter = api.DeadLetterFilter{
			PublicationID: filter.PublicationID, Channel: api.DeadLetterFilterChannel(filter.Channel), Queue: filter.Queue,
			Fingerprint: filter.Fingerprint, Code: filter.Code, Since: filter.Since, Until: filter.Until,
		}
		if request.Filter.IDs, err = readIDs(args); err != nil {
			return err
		}
		if nothing := *filter == (api.GroupDeadLettersParams{}) && len(args) == 0; nothing != request.All {
			return errNothingChosen
		}
		if flags.Changed("max-failing") {
			request.MaxFailing = failing
		}
		answer, err := remote.CreateReplay(c.Context(), request)
		switch {
		case err != nil:
			return err
		case answer.ReplayDryRun != nil:
			return showDryReplay(c, *answer.ReplayDryRun, *asJSON)
		case !*watch:
			return showReplay(c, *answer.Replay, *asJSON)
		}
		r, err := watchReplay(c, remote, *answer.Replay)
		if err != nil {
			return err
		}
		if err := showReplay(c, r, *asJSON); err != nil || r.State == api.ReplayStateCompleted {
			return err
		}
		return fmt.Errorf("replay %s is %s", r.ID, r.State)
	})
}

func watchReplay(c *cobra.Command, remote *client.Client, r api.Replay) (api.Replay, error) {
	return watched(c, r, func(r api.Replay) bool { return r.State.Final() }, func() (api.Replay, error) { return remote.GetReplay(c.Context(), r.ID) })
}

// watched asks again and again how far something is, until it has ended.
func watched[T any](c *cobra.Command, v T, ended func(T) bool, ask func() (T, error)) (T, error) {
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for !ended(v) {
		select {
		case <-c.Context().Done():
			return v, c.Context().Err()
		case <-tick.C:
		}
		next, err := ask()
		if err == nil {
			v = next
		} else if !client.Passing(err) {
			return v, err
		}
	}
	return v, nil
}

func showDryReplay(c *cobra.Command, r api.ReplayDryRun, asJSON bool) error {
	if asJSON {
		return printJSON(c, r)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%d would be replayed\n", r.Matched)
	return err
}

func showReplay(c *cobra.Command, r api.Replay, asJSON bool) error {
	if asJSON {
		return printJSON(c, r)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "replay %s is %s: %d of %d replayed, %d sent, %d failed, %d uncertain, %d skipped, %d waiting, %d refused %s\n",
		r.ID, r.State, r.Reopened, r.Matched, r.Sent, r.Failed, r.Uncertain, r.Skipped, r.Waiting, r.Refused, r.Note)
	return err
}

func deadReplaysCommand() *cobra.Command {
	command := &cobra.Command{Use: "replays [REPLAY]", Short: "List the newest replays, or show one", Args: cobra.MaximumNArgs(1)}
	shown := table[api.Replay]{
		columns: "ID\tSTATE\tCREATED\tMATCHED\tREPLAYED\tSENT\tFAILED\tUNCERTAIN\tWAITING",
		row: func(r api.Replay) []any {
			return []any{r.ID, r.State, r.CreatedAt.Format(time.DateTime), r.Matched, r.Reopened, r.Sent, r.Failed, r.Uncertain, r.Waiting}
		},
	}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if len(args) == 1 {
			r, err := remote.GetReplay(c.Context(), args[0])
			if err != nil {
				return err
			}
			return showReplay(c, r, *asJSON)
		}
		list, err := client.Collect(remote.Replays(c.Context(), api.ListReplaysParams{Limit: 50}), 50)
		if err != nil {
			return err
		}
		return shown.show(c, list, *asJSON)
	})
}

func deadCancelCommand() *cobra.Command {
	command := &cobra.Command{Use: "cancel REPLAY", Short: "Stop a replay; what it made owed again goes on", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		r, err := remote.CancelReplay(c.Context(), args[0])
		if err != nil {
			return err
		}
		return showReplay(c, r, *asJSON)
	})
}
