package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/bench"
)

func benchCommand() *cobra.Command {
	var options bench.Options
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: a JSON line for each benchmark",
		Long: "Measure on private PostgreSQL and Redis servers, in a temporary folder (TMPDIR), with every role as a\n" +
			"process of its own. A JSON line for each benchmark is written to the standard output; the whole takes\n" +
			"some minutes.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options.Out, options.Log = c.OutOrStdout(), c.ErrOrStderr()
			return bench.Run(c.Context(), options)
		},
	}
	command.Flags().StringVar(&options.Only, "only", "", "one benchmark: "+strings.Join(bench.Names(), ", "))
	command.Flags().IntVar(&options.BulkReaders, "bulk-readers", 0, "readers of the bulk run of urgent.p99 (default 500000)")
	command.Flags().StringVar(&options.Profiles, "profiles", "", "folder for CPU profiles of the worker")
	return command
}
