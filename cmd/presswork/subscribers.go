package main

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func subscribersCommand() *cobra.Command {
	command := &cobra.Command{Use: "subscribers", Short: "Find, import, export and erase subscribers, and say what is held about one"}
	command.AddCommand(subscribersListCommand(), subscribersImportCommand(), subscribersExportCommand(), subscribersDataCommand(), subscribersEraseCommand())
	return command
}

// chooseSubscribers adds the flags that choose among subscribers.
func chooseSubscribers(flags *pflag.FlagSet) *api.ExportSubscribersParams {
	var f api.ExportSubscribersParams
	choose(flags, &f.Email, "email", "whose address begins so")
	choose(flags, &f.Q, "find", "whose address begins so, or words of whose name do")
	choose(flags, &f.Topic, "topic", "who chose this topic")
	choose(flags, &f.Status, "status", "pending, active or unsubscribed")
	choose(flags, &f.Country, "country", "who live in this country: PT")
	choose(flags, &f.Language, "language", "with this language tag: pt-BR")
	choose(flags, &f.Attributes, "attributes", `who have all of these, as JSON: {"plan":"pro"}`)
	flags.Var(moment{&f.CreatedAfter}, "since", "made at or after this time, RFC 3339")
	flags.Var(moment{&f.CreatedBefore}, "until", "made before this time, RFC 3339")
	return &f
}

func subscribersListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List subscribers, in the order in which they were made"}
	f := chooseSubscribers(command.Flags())
	limit := command.Flags().Int("limit", 50, "at most so many")
	shown := table[api.Subscriber]{columns: "ID\tMADE\tSTATUS\tEMAIL\tNAME\tLANGUAGE\tCOUNTRY\tTOPICS", row: func(s api.Subscriber) []any {
		return []any{s.ID, s.CreatedAt.Format(time.DateTime), s.Status, s.Email, oneLine(s.Name), s.Language, s.Country, strings.Join(s.Topics, ", ")}
	}}
	return listCommand(command, shown, func(c *cobra.Command, remote *client.Client) ([]api.Subscriber, error) {
		return client.Collect(remote.Subscribers(c.Context(), api.ListSubscribersParams{
			Limit: page(*limit), Email: f.Email, Q: f.Q, Topic: f.Topic, Status: f.Status, Country: f.Country, Language: f.Language,
			Attributes: f.Attributes, CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore,
		}), *limit)
	})
}

func subscribersExportCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "export", Short: "Write subscribers as CSV, which import reads", Args: cobra.NoArgs,
		Long: "Write subscribers as CSV, which import reads. Cells that a spreadsheet would take for a formula begin with a '. A file\n" +
			"that could not be written as a whole is removed.",
	}
	f := chooseSubscribers(command.Flags())
	choose(command.Flags(), &f.Columns, "columns", "only these, with commas between them: email,name,attr.city")
	var name string
	choose(command.Flags(), &name, "output", "the file to write, which must not exist; the standard output unless given")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		answer, err := remote.ExportSubscribers(c.Context(), *f)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if name == "" {
			_, err := io.Copy(c.OutOrStdout(), answer.Body)
			return err
		}
		return keepWhole(name, answer.Body)
	})
}

func subscribersDataCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "data ID|ADDRESS", Short: "Write everything that is held about a person, as JSON", Args: cobra.ExactArgs(1),
		Long: `Write everything that is held about a person, as JSON: who they are, what they chose, did and agreed to, and what was sent to
them. By address, also of somebody who is no subscriber.`,
	}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		var held api.PersonData
		var err error
		if strings.Contains(args[0], "@") {
			held, err = remote.GetAddressData(c.Context(), api.AddressInput{Email: args[0]})
		} else {
			held, err = remote.GetSubscriberData(c.Context(), args[0])
		}
		if err != nil {
			return err
		}
		return printJSON(c, held)
	})
}
