package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func subscribersEraseCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "erase ID|ADDRESS", Short: "Take everything away that is held about a person", Args: cobra.ExactArgs(1),
		Long: `Take everything away that is held about a person: who they are, what they chose and did, what messages to them said. That is gone
at once, and nothing is sent to them any more. Then a scheduler looks for their address wherever else it may stand, which takes some
minutes; this command waits for it, and may be stopped and run again. Counters stay, and a keyed hash on the suppression list, so that
an import does not bring them back. By address, also of somebody who is no subscriber.`,
	}
	stay := command.Flags().Bool("wait", true, "wait until their address is nowhere; --wait=false does not")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		e, err := beginErasure(c, remote, args[0])
		if err != nil {
			return err
		}
		if *stay {
			if e, err = watchErasure(c, remote, e); err != nil {
				return err
			}
		}
		return showErasure(c, e, *asJSON)
	})
}

func beginErasure(c *cobra.Command, remote *client.Client, who string) (api.Erasure, error) {
	if strings.Contains(who, "@") {
		return remote.EraseAddress(c.Context(), api.AddressInput{Email: who})
	}
	return remote.EraseSubscriber(c.Context(), who)
}

// watchErasure waits for the end, and says where the search is whenever that is somewhere else.
func watchErasure(c *cobra.Command, remote *client.Client, e api.Erasure) (api.Erasure, error) {
	said := ""
	return watched(c, e, func(e api.Erasure) bool {
		if where := placeOf(e); where != said {
			said = where
			_, _ = io.WriteString(c.ErrOrStderr(), where)
		}
		return e.State == api.ErasureStateCompleted
	}, func() (api.Erasure, error) { return remote.GetErasure(c.Context(), e.ID) })
}

// placeOf says where the search is.
func placeOf(e api.Erasure) string {
	switch {
	case e.State == api.ErasureStateCompleted:
		return ""
	case e.Search.TablesDone == 0 && e.Search.ResumesAt.After(e.UpdatedAt):
		return fmt.Sprintf("look %d begins at %s, when what was under way has ended\n", e.Search.Look, e.Search.ResumesAt.Format(time.RFC3339))
	default:
		return fmt.Sprintf("look %d: %s, %d of %d tables done\n", e.Search.Look, e.Search.Table, e.Search.TablesDone, e.Search.Tables)
	}
}

func showErasure(c *cobra.Command, e api.Erasure, asJSON bool) error {
	if asJSON {
		return printJSON(c, e)
	}
	who := "no subscriber"
	if e.Subscriber {
		who = "a subscriber"
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "erasure %s is %s: %s, %d messages, %d mentions\n", e.ID, e.State, who, e.Messages, e.Mentions)
	return err
}

func erasuresCommand() *cobra.Command {
	command := &cobra.Command{Use: "erasures [ERASURE]", Short: "List the newest erasures of people, or show how far one is", Args: cobra.MaximumNArgs(1)}
	shown := table[api.Erasure]{columns: "ID\tSTATE\tASKED\tCOMPLETED\tMESSAGES\tMENTIONS\tLOOK\tTABLES", row: func(e api.Erasure) []any {
		completed := ""
		if e.CompletedAt != nil {
			completed = e.CompletedAt.Format(time.DateTime)
		}
		return []any{e.ID, e.State, e.CreatedAt.Format(time.DateTime), completed, e.Messages, e.Mentions, e.Search.Look, fmt.Sprintf("%d/%d", e.Search.TablesDone, e.Search.Tables)}
	}}
	limit := command.Flags().Int("limit", 50, "at most so many")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if len(args) == 0 {
			list, err := client.Collect(remote.Erasures(c.Context(), api.ListErasuresParams{Limit: page(*limit)}), *limit)
			if err != nil {
				return err
			}
			return shown.show(c, list, *asJSON)
		}
		e, err := remote.GetErasure(c.Context(), args[0])
		if err != nil {
			return err
		}
		if where := placeOf(e); where != "" && !*asJSON {
			_, _ = io.WriteString(c.OutOrStdout(), where)
		}
		return showErasure(c, e, *asJSON)
	})
}
