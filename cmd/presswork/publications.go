package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func publicationsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "publications",
		Short: "Publish drafts, clone, compare versions and go back, approve and reject, show what is put off",
	}
	command.AddCommand(publishDraftCommand(), cloneCommand(), deleteCommand(), versionsCommand(), versionCommand(), diffCommand(),
		rollbackCommand(), approveCommand(), rejectCommand(), deferredCommand())
	return command
}

// onPublication is a command that does something with a publication, and says what state that left it in.
func onPublication(use, short string, more int, do func(context.Context, *client.Client, []string) (api.Publication, error)) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1 + more)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		p, err := do(c.Context(), remote, args)
		switch {
		case err != nil:
			return err
		case *asJSON:
			return printJSON(c, p)
		case p.Approval.State == api.ApprovalStateRequested:
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s, waits for approval (version %d)\n", p.State, p.Version)
		default:
			_, err = fmt.Fprintln(c.OutOrStdout(), p.State)
		}
		return err
	})
}

func publishDraftCommand() *cobra.Command {
	command := &cobra.Command{Use: "publish PUBLICATION", Short: "Send a draft on its way", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	dry := command.Flags().Bool("dry-run", false, "change nothing, and show what would be sent")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if !*dry {
			return tellState(c, remote, args[0], publishDraft)
		}
		answer, err := remote.PublishDraft(c.Context(), args[0], api.PublishDraftParams{DryRun: "true"}, api.PublishInput{})
		if err != nil {
			return err
		}
		return showForecast(c, *answer.Forecast, *asJSON)
	})
}

func publishDraft(remote *client.Client, ctx context.Context, id string, options ...api.Option) (api.Publication, error) { //nolint:revive // as the methods of a client are
	answer, err := remote.PublishDraft(ctx, id, api.PublishDraftParams{}, api.PublishInput{}, options...)
	if err != nil {
		return api.Publication{}, err
	}
	return *answer.Publication, nil
}

func cloneCommand() *cobra.Command {
	var o api.CloneInput
	var key string
	var at time.Time
	var now bool
	command := &cobra.Command{Use: "clone PUBLICATION", Short: "Make another one like it: a draft, with the contents of today", Args: cobra.ExactArgs(1)}
	flags := command.Flags()
	choose(flags, &o.Title, "title", "another title")
	flags.Var(moment{&at}, "at", "when, RFC 3339")
	flags.BoolVar(&now, "send", false, "no draft: at its time, or at once")
	choose(flags, &key, "key", "idempotency key: with the same one, it is cloned once")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		o.ScheduleAt = rfc3339(at)
		if now {
			o.Draft = new(false)
		}
		p, err := remote.ClonePublication(c.Context(), args[0], o, keyed(key)...)
		if err != nil {
			return err
		}
		return printJSON(c, map[string]string{"id": p.ID, "state": string(p.State)})
	})
}

func deleteCommand() *cobra.Command {
	command := &cobra.Command{Use: "delete PUBLICATION", Short: "Remove one that never began", Args: cobra.ExactArgs(1)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		return remote.DeletePublication(c.Context(), args[0], client.IfVersion(0))
	})
}

func versionsCommand() *cobra.Command {
	command := &cobra.Command{Use: "versions PUBLICATION", Short: "List what it was, newest first", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	limit := command.Flags().Int("limit", 50, "at most so many")
	shown := table[api.PublicationVersionHead]{columns: "VERSION\tSINCE\tBY", row: func(v api.PublicationVersionHead) []any {
		return []any{v.Version, v.ChangedAt.Format(time.DateTime), v.ChangedBy}
	}}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		list, err := client.Collect(remote.PublicationVersions(c.Context(), args[0], api.ListPublicationVersionsParams{Limit: page(*limit)}), *limit)
		if err != nil {
			return err
		}
		return shown.show(c, list, *asJSON)
	})
}

func versionCommand() *cobra.Command {
	command := &cobra.Command{Use: "version PUBLICATION VERSION", Short: "Show a version as the request that it was", Args: cobra.ExactArgs(2)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		number, err := versionNumber(args[1])
		if err != nil {
			return err
		}
		v, err := remote.GetPublicationVersion(c.Context(), args[0], number)
		if err != nil {
			return err
		}
		return printJSON(c, v.Request)
	})
}

func diffCommand() *cobra.Command {
	command := &cobra.Command{Use: "diff PUBLICATION FROM TO", Short: "Compare two versions", Args: cobra.ExactArgs(3)}
	asJSON := jsonFlag(command)
	shown := table[api.Difference]{columns: "PATH\tFROM\tTO", row: func(d api.Difference) []any {
		return []any{d.Path, oneLine(string(d.From)), oneLine(string(d.To))}
	}}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		from, err := versionNumber(args[1])
		if err != nil {
			return err
		}
		to, err := versionNumber(args[2])
		if err != nil {
			return err
		}
		diff, err := remote.DiffPublicationVersions(c.Context(), args[0], from, api.DiffPublicationVersionsParams{To: to})
		if err != nil {
			return err
		}
		return shown.show(c, diff.Differences, *asJSON)
	})
}

func rollbackCommand() *cobra.Command {
	return onPublication("rollback PUBLICATION VERSION", "Make it what it was at a version", 1,
		func(ctx context.Context, remote *client.Client, args []string) (api.Publication, error) {
			number, err := versionNumber(args[1])
			if err != nil {
				return api.Publication{}, err
			}
			return remote.RollBackPublication(ctx, args[0], api.RollbackInput{Version: number}, client.IfVersion(0))
		})
}

func approveCommand() *cobra.Command {
	return onPublication("approve PUBLICATION VERSION", "Let what somebody else made be sent, as it is at that version", 1,
		func(ctx context.Context, remote *client.Client, args []string) (api.Publication, error) {
			number, err := versionNumber(args[1])
			if err != nil {
				return api.Publication{}, err
			}
			return remote.ApprovePublication(ctx, args[0], api.ApproveInput{Version: number})
		})
}

func rejectCommand() *cobra.Command {
	return onPublication("reject PUBLICATION REASON", "Do not let it be sent, and say why", 1,
		func(ctx context.Context, remote *client.Client, args []string) (api.Publication, error) {
			return remote.RejectPublication(ctx, args[0], api.RejectInput{Reason: args[1]})
		})
}

func versionNumber(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read the version: %w", err)
	}
	return number, nil
}

// showForecast prints what a dry run answered.
func showForecast(c *cobra.Command, f api.Forecast, asJSON bool) error {
	if asJSON {
		return printJSON(c, f)
	}
	line := "would be " + string(f.State) + ", lane " + f.Lane
	if f.ApprovalRequired {
		line += ", needs approval"
	}
	if f.Seconds != nil {
		line += ", sent in " + (time.Duration(*f.Seconds) * time.Second).String()
	}
	_, _ = fmt.Fprintln(c.OutOrStdout(), line)
	return table[api.ForecastChannel]{columns: "CHANNEL\tRECIPIENTS\tELIGIBLE\tBATCHES\tDEFERRED\tEXCLUDED", row: func(p api.ForecastChannel) []any {
		return []any{p.Channel, p.Recipients, p.Eligible, p.Batches, byReason(p.Deferred), byReason(p.Excluded)}
	}}.show(c, f.Channels, false)
}

// byReason is how many there are of each reason, as a table shows it.
func byReason(counts map[string]int64) string {
	reasons := []string{}
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", reason, counts[reason]))
	}
	return cmp.Or(strings.Join(reasons, ", "), "-")
}
