package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func suppressionsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "suppressions",
		Short: "List the addresses that nothing is sent to, add and remove some, import and export them",
		Long:  "The list keeps hashes: an entry does not say whose it is, and an address is looked up.",
	}
	command.AddCommand(suppressionsListCommand(), suppressionsAddCommand(), suppressionsRemoveCommand(), suppressionsImportCommand(), suppressionsExportCommand())
	return command
}

func suppressionsTable() table[api.Suppression] {
	return table[api.Suppression]{columns: "ID\tSINCE\tREASON\tSOURCE\tPUBLICATION\tNOTE", row: func(s api.Suppression) []any {
		return []any{s.ID, s.CreatedAt.Format(time.DateTime), s.Reason, s.Source, s.PublicationID, oneLine(s.Note)}
	}}
}

func suppressionsListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the entries, the oldest first, or that of one address"}
	var email string
	choose(command.Flags(), &email, "email", "only the entry of this address")
	limit := command.Flags().Int("limit", 50, "at most so many")
	return listCommand(command, suppressionsTable(), func(c *cobra.Command, remote *client.Client) ([]api.Suppression, error) {
		if email != "" {
			list, err := remote.LookUpSuppression(c.Context(), api.AddressInput{Email: email})
			return list.Items, err
		}
		return client.Collect(remote.Suppressions(c.Context(), api.ListSuppressionsParams{Limit: page(*limit)}), *limit)
	})
}

func suppressionsAddCommand() *cobra.Command {
	command := &cobra.Command{Use: "add ADDRESS", Short: "Send nothing to an address any more", Args: cobra.ExactArgs(1)}
	note := command.Flags().String("note", "", "why, for people")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := remote.CreateSuppression(c.Context(), api.SuppressionInput{Email: args[0], Note: *note})
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, s)
		}
		return suppressionsTable().show(c, []api.Suppression{s}, false)
	})
}

func suppressionsRemoveCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "remove ID|ADDRESS", Short: "Take an entry off the list: its address is sent to again", Args: cobra.ExactArgs(1),
		Long: "Take an entry off the list. Do so only if the cause is gone: providers watch how much mail bounces and is complained of.",
	}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		id := args[0]
		if strings.Contains(id, "@") {
			list, err := remote.LookUpSuppression(c.Context(), api.AddressInput{Email: id})
			if err != nil {
				return err
			}
			if len(list.Items) == 0 {
				return fmt.Errorf("%s is not on the list", id)
			}
			id = list.Items[0].ID
		}
		return remote.DeleteSuppression(c.Context(), id)
	})
}
