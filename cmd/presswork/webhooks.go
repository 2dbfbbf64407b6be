package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func webhooksCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "webhooks",
		Short: "List, make and switch webhook endpoints, see what they were told, tell it again",
		Long:  "An endpoint is told of events by signed posts: docs/webhooks.md. Its secret is printed once.",
	}
	command.AddCommand(webhooksListCommand(), webhooksCreateCommand(), webhooksDeliveriesCommand(), webhooksResendCommand(), webhooksRecoverCommand(),
		webhooksSwitchCommand("enable", "Test an endpoint, unless it was, and switch it on", (*client.Client).EnableWebhookEndpoint),
		webhooksSwitchCommand("disable", "Switch an endpoint off; what waits there is kept", (*client.Client).DisableWebhookEndpoint),
		webhooksSwitchCommand("verify", "Post a test to an endpoint now", (*client.Client).VerifyWebhookEndpoint))
	return command
}

func webhooksTable() table[api.WebhookEndpoint] {
	return table[api.WebhookEndpoint]{columns: "ID\tENABLED\tFAILING SINCE\tEVENTS\tURL\tDESCRIPTION", row: func(e api.WebhookEndpoint) []any {
		enabled, failing, events := "yes", "-", "all"
		if !e.Enabled {
			enabled = "no"
		}
		if e.DisabledReason != nil {
			enabled = "no: " + string(*e.DisabledReason)
		}
		if e.FailingSince != nil {
			failing = e.FailingSince.Format(time.DateTime)
		}
		if len(e.Events) > 0 {
			events = strings.Join(e.Events, " ")
		}
		return []any{e.ID, enabled, failing, events, oneLine(e.URL), oneLine(e.Description)}
	}}
}

func webhooksListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the endpoints, the oldest first"}
	limit := command.Flags().Int("limit", 100, "at most so many")
	return listCommand(command, webhooksTable(), func(c *cobra.Command, remote *client.Client) ([]api.WebhookEndpoint, error) {
		return client.Collect(remote.WebhookEndpoints(c.Context(), api.ListWebhookEndpointsParams{Limit: page(*limit)}), *limit)
	})
}

func webhooksCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "create URL", Short: "Make an endpoint and print its secret, once", Args: cobra.ExactArgs(1),
		Long: "Make an endpoint and print its secret, once. Give the secret to your receiver, then use webhooks enable.",
	}
	var e api.WebhookEndpointNew
	flags := command.Flags()
	choose(flags, &e.Description, "description", "what it is for")
	events := flags.StringArray("event", nil, "a type that it takes, or publication.* for all such; may be repeated (all)")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		e.URL, e.Events = args[0], *events
		made, err := remote.CreateWebhookEndpoint(c.Context(), e)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, made)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n\n%s\n\nKeep the secret now: it is not shown again. Then: presswork webhooks enable %s\n", made.ID, made.Secret, made.ID)
		return err
	})
}

// webhooksSwitchCommand is a command that does one thing to an endpoint and shows it.
func webhooksSwitchCommand(verb, short string, do func(*client.Client, context.Context, api.ID, ...api.Option) (api.WebhookEndpoint, error)) *cobra.Command {
	command := &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		e, err := do(remote, c.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, e)
		}
		return webhooksTable().show(c, []api.WebhookEndpoint{e}, false)
	})
}
