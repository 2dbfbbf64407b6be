package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/domaincheck"
)

func domainCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "domain", Short: "See to the domains that mail is sent from", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(domainCheckCommand())
	return command
}

func domainCheckCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "check DOMAIN", Short: "Say whether receivers can tell that mail from a domain is its own", Args: cobra.ExactArgs(1),
		Long: `Say whether receivers can tell that mail from a domain is its own: by SPF, DKIM, DMARC, MX and, with --ses, what Amazon SES knows
of it. Each finding says what to do, with the record to publish. It asks the DNS and sends nothing.

The exit code is 0 if all is well, 1 if something is to be done, 2 if something could not be found out.`,
	}
	var q app.DomainQuestion
	flags := command.Flags()
	flags.StringSliceVar(&q.Selectors, "selector", nil, "look for the DKIM key of this selector (s= in a mail's DKIM-Signature); may be repeated")
	flags.StringSliceVar(&q.Relays, "include", nil, "the SPF record should include this name, as of an SMTP relay; may be repeated")
	flags.BoolVar(&q.SES, "ses", false, "ask SES as well, with the region and the credentials that the AWS SDK finds (AWS_REGION)")
	choose(flags, &q.Server, "server", "the name server to ask, as in 192.0.2.1:53; those of the machine unless given")
	asJSON := jsonFlag(command)
	command.RunE = func(c *cobra.Command, args []string) error {
		settings, err := app.Environment(c.Context())
		if err != nil {
			return undecided{err}
		}
		q.Domain = args[0]
		report, err := app.CheckDomain(c.Context(), settings, q)
		if err != nil {
			return undecided{err}
		}
		if *asJSON {
			err = printJSON(c, report)
		} else {
			err = printReport(c.OutOrStdout(), report)
		}
		if err != nil {
			return err
		}
		return verdictOf(report)
	}
	return command
}

// undecided is an error by which a question has no answer: the exit code is 2.
type undecided struct{ error }

// ExitCode is what the program ends with.
func (undecided) ExitCode() int { return 2 }

func verdictOf(r domaincheck.Report) error {
	switch r.Worst() {
	case domaincheck.Failure, domaincheck.Warning:
		return fmt.Errorf("there is something to be done about %s", r.Domain)
	case domaincheck.Unknown:
		return undecided{fmt.Errorf("not everything about %s could be found out", r.Domain)}
	default:
		return nil
	}
}

func printReport(out io.Writer, r domaincheck.Report) error {
	var text strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "%-7s  %-5s  %s\n", f.Level, f.Check, oneLine(f.Detail))
		if f.Advice != "" {
			fmt.Fprintf(&text, "%16s%s\n", "", oneLine(f.Advice))
		}
		for _, p := range f.Publish {
			fmt.Fprintf(&text, "%16s%s  %s  %s\n", "", p.Name, p.Type, oneLine(p.Value))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
