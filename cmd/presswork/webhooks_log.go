package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func webhookDeliveriesTable() table[api.WebhookDelivery] {
	return table[api.WebhookDelivery]{columns: "EVENT\tAT\tTYPE\tSTATE\tATTEMPTS\tNEXT\tLAST ERROR", row: func(d api.WebhookDelivery) []any {
		next, last := "-", ""
		if d.NextAttemptAt != nil {
			next = d.NextAttemptAt.Format(time.DateTime)
		}
		if d.LastAttempt != nil {
			last = d.LastAttempt.Error
		}
		return []any{d.ID, d.OccurredAt.Format(time.DateTime), d.Type, d.State, d.Attempts, next, oneLine(last)}
	}}
}

func webhooksDeliveriesCommand() *cobra.Command {
	command := &cobra.Command{Use: "deliveries ID", Short: "List what an endpoint was told, the newest first", Args: cobra.ExactArgs(1)}
	var params api.ListWebhookDeliveriesParams
	flags := command.Flags()
	choose(flags, (*string)(&params.State), "state", "only those that are pending, delivered or failed")
	choose(flags, &params.Type, "type", "only events of this type")
	flags.Var(moment{&params.Since}, "since", "only what happened then or later, as in 2030-01-31T09:00:00Z")
	limit := flags.Int("limit", 50, "at most so many")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		params.Limit = page(*limit)
		list, err := client.Collect(remote.WebhookDeliveries(c.Context(), args[0], params), *limit)
		if err != nil {
			return err
		}
		return webhookDeliveriesTable().show(c, list, *asJSON)
	})
}

func webhooksResendCommand() *cobra.Command {
	command := &cobra.Command{Use: "resend ID EVENT", Short: "Tell an endpoint of an event again", Args: cobra.ExactArgs(2)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		d, err := remote.ResendWebhook(c.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return webhookDeliveriesTable().show(c, []api.WebhookDelivery{d}, *asJSON)
	})
}

func webhooksRecoverCommand() *cobra.Command {
	command := &cobra.Command{Use: "recover ID", Short: "Tell an endpoint again of all that failed since a time", Args: cobra.ExactArgs(1)}
	var in api.WebhookRecoverInput
	flags := command.Flags()
	flags.Var(moment{&in.Since}, "since", "what happened then or later, as in 2030-01-31T09:00:00Z")
	flags.Var(moment{&in.Until}, "until", "and before this time (now)")
	must(command, "since")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		done, err := remote.RecoverWebhooks(c.Context(), args[0], in)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, done)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d events are due again\n", done.Recovered)
		return err
	})
}
