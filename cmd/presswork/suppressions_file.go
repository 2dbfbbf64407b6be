package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func suppressionsImportCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "import FILE", Short: "Put the addresses of a CSV file on the list, all or none", Args: cobra.ExactArgs(1),
		Long: `Put the addresses of a CSV file on the list, all or, if a line is bad, none. Its first line names the columns: email or hash,
reason (bounce, complaint, manual or soft_bounce; manual unless told), note and created_at. What export writes can be read again
by the same installation: it knows its own hashes. FILE may be - for the standard input.`,
	}
	dry := command.Flags().Bool("dry-run", false, "only say what would be done")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		file, err := input(c, args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		var params api.ImportSuppressionsParams
		if *dry {
			params.DryRun = "true"
		}
		report, err := remote.ImportSuppressions(c.Context(), params, file)
		if err != nil {
			return badLines(c, err)
		}
		if *asJSON {
			return printJSON(c, report)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%d lines: %d new on the list, %d on it already\n", report.Lines, report.Created, report.Skipped)
		return err
	})
}

// input opens a file to read, or the standard input for "-".
func input(c *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(c.InOrStdin()), nil
	}
	return os.Open(name) //nolint:gosec // who runs the command names it
}

// badLines prints what is wrong with a file's lines, if that is what the error is about.
func badLines(c *cobra.Command, err error) error {
	var p *client.Problem
	var more api.SuppressionFileProblem
	if !errors.As(err, &p) || len(p.Errors) == 0 || p.Into(&more) != nil || more.ErrorCount == 0 {
		return err
	}
	for _, e := range more.Errors {
		if _, err := fmt.Fprintf(c.ErrOrStderr(), "line %d %s %s\n", e.Line, e.Column, e.Detail); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d errors in %d lines: nothing was stored", more.ErrorCount, more.Lines)
}

func suppressionsExportCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "export", Short: "Write the list as CSV", Args: cobra.NoArgs,
		Long: `Write the list as CSV. It keeps hashes, so an address is there only of who is a subscriber. A file that could not be written as a
whole is removed.`,
	}
	var name string
	choose(command.Flags(), &name, "output", "the file to write, which must not exist; the standard output unless given")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, _ []string) error {
		answer, err := remote.ExportSuppressions(c.Context())
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

// keepWhole writes a file of its own that only its owner may read, or none.
func keepWhole(name string, from io.Reader) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // who runs the command names it
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(name))
	}
	return nil
}
