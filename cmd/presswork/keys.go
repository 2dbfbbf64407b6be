package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func keysCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "keys",
		Short: "List the API's keys, make, rotate and revoke some",
		Long:  "A key has a role (admin, publisher, analyst, ops) and, if wanted, scopes that narrow it. Its text is printed once.",
	}
	command.AddCommand(keysListCommand(), keysCreateCommand(), keysRotateCommand(), keysRevokeCommand())
	return command
}

func keysTable() table[api.APIKey] {
	day := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Format(time.DateTime)
	}
	return table[api.APIKey]{columns: "ID\tNAME\tROLE\tSCOPES\tPREFIX\tLAST USED\tEXPIRES\tREVOKED", row: func(k api.APIKey) []any {
		scopes := "all"
		if k.Scopes != nil {
			scopes = strings.Join(k.Scopes, " ")
		}
		var prefixes []string
		for _, s := range k.Secrets {
			prefixes = append(prefixes, s.Prefix)
		}
		return []any{k.ID, oneLine(k.Name), k.Role, scopes, strings.Join(prefixes, " "), day(k.LastUsedAt), day(k.ExpiresAt), day(k.RevokedAt)}
	}}
}

func keysListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the keys, the oldest first, revoked ones too"}
	limit := command.Flags().Int("limit", 50, "at most so many")
	return listCommand(command, keysTable(), func(c *cobra.Command, remote *client.Client) ([]api.APIKey, error) {
		return client.Collect(remote.APIKeys(c.Context(), api.ListAPIKeysParams{Limit: page(*limit)}), *limit)
	})
}

// showKey prints a key with its text.
func showKey(c *cobra.Command, k api.APIKeyMade, asJSON bool) error {
	if asJSON {
		return printJSON(c, k)
	}
	known := api.APIKey{
		ID: k.ID, Name: k.Name, Role: k.Role, Scopes: k.Scopes, Secrets: k.Secrets, LastUsedAt: k.LastUsedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
	}
	if err := keysTable().show(c, []api.APIKey{known}, false); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "\n%s\n\nKeep it now: it is not shown again.\n", k.Key)
	return err
}

func keysCreateCommand() *cobra.Command {
	command := &cobra.Command{Use: "create", Short: "Make a key and print it, once", Args: cobra.NoArgs}
	var k api.APIKeyInput
	flags := command.Flags()
	choose(flags, &k.Name, "name", "what it is for; no two that are not revoked are the same")
	choose(flags, (*string)(&k.Role), "role", "admin, publisher, analyst or ops")
	scopes := flags.StringArray("scope", nil, "what of the role it may use, as in publications:write; may be repeated (all of it)")
	flags.Var(moment{&k.ExpiresAt}, "expires", "when it ends, as in 2030-01-31T09:00:00Z (not by itself)")
	flags.IntVar(&k.RatePerHour, "rate", 0, "requests in an hour (as configured)")
	must(command, "name", "role")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		k.Scopes = *scopes
		made, err := remote.CreateAPIKey(c.Context(), k)
		if err != nil {
			return err
		}
		return showKey(c, made, *asJSON)
	})
}

func keysRotateCommand() *cobra.Command {
	command := &cobra.Command{Use: "rotate ID", Short: "Give a key a new text and print it, once", Args: cobra.ExactArgs(1)}
	overlap := command.Flags().Duration("overlap", 24*time.Hour, "how long the text before goes on")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		k, err := remote.RotateAPIKey(c.Context(), args[0], api.RotateInput{OverlapSeconds: new(int(*overlap / time.Second))}, client.IfVersion(0))
		if err != nil {
			return err
		}
		return showKey(c, k, *asJSON)
	})
}

func keysRevokeCommand() *cobra.Command {
	command := &cobra.Command{Use: "revoke ID", Short: "End a key for good, within a second", Args: cobra.ExactArgs(1)}
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		return remote.RevokeAPIKey(c.Context(), args[0], client.IfVersion(0))
	})
}
