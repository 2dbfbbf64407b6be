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
	command := &cobra.Command{Use: "subscribers", Short: "Find, import and export subscribers"}
	command.AddCommand(subscribersListCommand(), subscribersImportCommand(), subscribersExportCommand())
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
