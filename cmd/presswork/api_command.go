package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/app"
)

// apiFlags say which API a command talks to.
type apiFlags struct{ address, key string }

func (f *apiFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "api", "", "address of the API (PRESSWORK_API_URL; http://localhost:8080)")
	flags.StringVar(&f.key, "api-key", "", "API key (PRESSWORK_API_KEY; in development the one that was made)")
}

// withAPI makes a command one that talks to the API: do is what it does.
func withAPI(command *cobra.Command, do func(*cobra.Command, *client.Client, []string) error) *cobra.Command {
	var target apiFlags
	target.add(command.Flags())
	command.RunE = func(c *cobra.Command, args []string) error {
		remote, err := app.Client(c.Context(), target.address, target.key)
		if err != nil {
			return err
		}
		defer remote.Close()
		return do(c, remote, args)
	}
	return command
}

// jsonFlag adds --json.
func jsonFlag(command *cobra.Command) *bool {
	return command.Flags().Bool("json", false, "print JSON")
}

func printJSON(c *cobra.Command, v any) error { return json.NewEncoder(c.OutOrStdout()).Encode(v) }

// table is how a list of T is shown: the names of the columns with tabs between them, and the cells of a row.
type table[T any] struct {
	columns string
	row     func(T) []any
	align   uint // tabwriter.AlignRight: for numbers
}

// show writes the list as a table, or as JSON.
func (t table[T]) show(c *cobra.Command, list []T, asJSON bool) error {
	if asJSON {
		return printJSON(c, append([]T{}, list...)) // [] and not null
	}
	end := "\n"
	if t.align == tabwriter.AlignRight {
		end = "\t\n" // only a cell that a tab ends is aligned
	}
	out := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', t.align)
	_, _ = fmt.Fprint(out, t.columns, end)
	for _, item := range list {
		for i, cell := range t.row(item) {
			if i > 0 {
				_, _ = fmt.Fprint(out, "\t")
			}
			_, _ = fmt.Fprint(out, cell)
		}
		_, _ = fmt.Fprint(out, end)
	}
	return out.Flush()
}

// listCommand makes a command one that prints what read finds.
func listCommand[T any](command *cobra.Command, t table[T], read func(*cobra.Command, *client.Client) ([]T, error)) *cobra.Command {
	command.Args = cobra.NoArgs
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		list, err := read(c, remote)
		if err != nil {
			return err
		}
		return t.show(c, list, *asJSON)
	})
}

// page is how many of a list to ask for at once.
func page(limit int) int { return min(limit, 200) }

// oneLine is a text as it fits a table.
func oneLine(text string) string {
	const most = 100
	runes := []rune(text)
	for i, r := range runes {
		if r < ' ' {
			runes[i] = ' '
		}
	}
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}
