package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func messagesCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "messages",
		Short: "Send a message to one recipient, list messages, see what became of one, cancel it",
		Long:  "A message is a template and data for one recipient, who waits for it: it needs no subscription, and goes before all else.",
	}
	command.AddCommand(messagesSendCommand(), messagesListCommand(), messagesGetCommand(), messagesCancelCommand())
	return command
}

func messagesSendCommand() *cobra.Command {
	var in api.MessageInput
	var data, key string
	var expires time.Time
	command := &cobra.Command{
		Use:   "send RECIPIENT TEMPLATE",
		Short: "Send a message to a subscriber, by ID, or to an address",
		Example: `  presswork messages send ann@example.org receipt --data '{"order": 7}' --key order-7
  presswork messages send 0192f0c4-… "Password reset" --data - < data.json`,
		Args: cobra.ExactArgs(2),
	}
	flags := command.Flags()
	flags.StringVar(&data, "data", "", "what the template reads, a JSON object; - for standard input")
	choose(flags, &in.To.Name, "name", "what the owner of the address is called")
	choose(flags, &in.To.Language, "language", "the language; the subscriber's own unless told")
	choose(flags, &in.SenderID, "sender", "who it is from; the default sender unless told")
	choose(flags, &in.BrandID, "brand", "the id of the brand that it is of; its sender's unless told")
	flags.Var(moment{&expires}, "expires", "when it is not sent any more, RFC 3339")
	flags.BoolVar(&in.Track, "track", false, "report openings and clicks")
	choose(flags, &key, "key", "idempotency key: with the same one, it is sent once")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if in.Template = args[1]; strings.Contains(args[0], "@") {
			in.To.Email = args[0]
		} else {
			in.To.SubscriberID = args[0]
		}
		in.ExpiresAt = rfc3339(expires)
		if err := readData(&in.Data, data); err != nil {
			return err
		}
		m, err := remote.SendMessage(c.Context(), in, keyed(key)...)
		if err != nil {
			return err
		}
		return printJSON(c, m)
	})
}

// readData reads a JSON object that is given, or comes by standard input.
func readData(into *map[string]any, given string) error {
	if given == "" {
		return nil
	}
	text := []byte(given)
	if given == "-" {
		var err error
		if text, err = readInput(given); err != nil {
			return fmt.Errorf("read the data: %w", err)
		}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the data is not a JSON object: %w", err)
	}
	return nil
}

func messagesTable() table[api.Message] {
	return table[api.Message]{columns: "ID\tSENT BY\tAT\tTEMPLATE\tSTATE\tREASON\tATTEMPTS", row: func(m api.Message) []any {
		return []any{m.ID, m.CreatedBy, m.CreatedAt.Format(time.DateTime), oneLine(m.Template), m.State, textOf(m.Reason), m.AttemptsUsed}
	}}
}

func messagesListCommand() *cobra.Command {
	var filter api.ListMessagesParams
	command := &cobra.Command{Use: "list", Short: "List messages, the newest first"}
	choose(command.Flags(), &filter.TemplateID, "template", "only those made of this template, by ID")
	choose(command.Flags(), &filter.SubscriberID, "subscriber", "only those to this subscriber, by ID")
	choose(command.Flags(), &filter.PublicationState, "state", "only these states, with commas: sending,completed")
	limit := command.Flags().Int("limit", 50, "at most so many")
	return listCommand(command, messagesTable(), func(c *cobra.Command, remote *client.Client) ([]api.Message, error) {
		filter.Limit = page(*limit)
		return client.Collect(remote.Messages(c.Context(), filter), *limit)
	})
}

func messagesGetCommand() *cobra.Command {
	command := &cobra.Command{Use: "get MESSAGE", Short: "Show what became of a message: each attempt and each event", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		m, err := remote.GetMessage(c.Context(), args[0])
		if err != nil {
			return err
		}
		return showMessage(c, m, *asJSON)
	})
}

func messagesCancelCommand() *cobra.Command {
	command := &cobra.Command{Use: "cancel MESSAGE", Short: "Do not send a message that was not sent yet", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		m, err := remote.CancelMessage(c.Context(), args[0])
		if err != nil {
			return err
		}
		return showMessage(c, m, *asJSON)
	})
}

func showMessage(c *cobra.Command, m api.MessageSeen, asJSON bool) error {
	if asJSON {
		return printJSON(c, m)
	}
	if err := messagesTable().show(c, []api.Message{m.Message}, false); err != nil {
		return err
	}
	return showDelivery(c.OutOrStdout(), m.Delivery)
}
