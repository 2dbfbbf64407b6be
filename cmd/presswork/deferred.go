package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func deferredCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "deferred PUBLICATION",
		Short: "Count what is put off, why and until when",
		Long: `Counts the deliveries of a publication that are put off, by channel and reason. DUE are those whose time has come: they are
looked at within seconds, unless the publication is paused. FIRST and LAST are when the first and the last of them are looked at
again, by UTC. docs/operations.md says what to do about each reason.`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if !*asJSON {
			return showDeferred(c, remote, args[0])
		}
		d, err := remote.CountDeferred(c.Context(), args[0])
		if err != nil {
			return err
		}
		return printJSON(c, d)
	})
}

// showDeferred prints why deliveries of a publication are put off.
func showDeferred(c *cobra.Command, remote *client.Client, id string) error {
	d, err := remote.CountDeferred(c.Context(), id)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.OutOrStdout(), "%d put off, %d of them due\n", d.Total, d.Due)
	if d.Total == 0 {
		return nil
	}
	return table[api.DeferredCount]{
		columns: "COUNT\tDUE\tCHANNEL\tREASON\tFIRST\tLAST", align: tabwriter.AlignRight,
		row: func(n api.DeferredCount) []any {
			return []any{n.Count, n.Due, n.Channel, n.Reason, n.FirstDueAt.Format(time.DateTime), n.LastDueAt.Format(time.DateTime)}
		},
	}.show(c, d.Reasons, false)
}
