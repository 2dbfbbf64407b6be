package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
)

func consentCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "consent",
		Short: "Verify that nobody has altered the record of consent",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(consentVerifyCommand())
	return command
}

// errConsentNotIntact ends a verification that found something.
var errConsentNotIntact = errors.New("the record of consent is not intact")

func consentVerifyCommand() *cobra.Command {
	return verification[app.ConsentVerification]{
		verify: app.VerifyConsent, write: printConsentVerification,
		intact: func(v app.ConsentVerification) bool { return v.Intact }, broken: errConsentNotIntact,
	}.command(&cobra.Command{
		Short: "Verify that what was sealed of the record of consent is as it was",
		Long: `Verify that what was sealed of the record of consent is as it was: it reads the whole record, computes its chain anew,
compares what entries hold of a person with their commitments, and names what is altered, missing or added. The exit code is 1
if there is anything.

It needs DATABASE_URL, SECRET_KEY and, for what was sealed with them, SECRET_KEY_PREVIOUS. That the end of the record was cut
off shows only with --anchor: keep what the last verification printed where the database's administrators cannot write.`,
	})
}

func printConsentVerification(out io.Writer, v app.ConsentVerification) error {
	for _, id := range v.WrongDetails {
		if _, err := fmt.Fprintf(out, "detail_altered event %d\n", id); err != nil {
			return err
		}
	}
	return printVerification(out, app.Verification{Report: v.Report, AppendOnly: true})
}
