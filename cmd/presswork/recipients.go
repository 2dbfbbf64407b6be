package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func recipientsCommand() *cobra.Command {
	var filter api.ListRecipientsParams
	command := &cobra.Command{
		Use:   "recipients PUBLICATION [RECIPIENT]",
		Short: "Show what became of a publication's recipients, or all about one of them",
		Long: "Lists a publication's deliveries. With a recipient (the id of a subscriber or a place, or a subscriber's\n" +
			"address) it shows what was chosen and why, each attempt and each event; of somebody who is no recipient, why not.",
		Example: "  presswork recipients 0192f0c4-… --state failed,uncertain\n  presswork recipients 0192f0c4-… ann@example.org",
		Args:    cobra.RangeArgs(1, 2),
	}
	choose(command.Flags(), &filter.State, "state", "only these states, with commas: failed,uncertain,skipped")
	choose(command.Flags(), &filter.Reason, "reason", "only these reasons, with commas: unsubscribed,rejected")
	choose(command.Flags(), (*string)(&filter.Channel), "channel", "only this channel")
	asJSON := command.Flags().Bool("json", false, "print JSON; of a list one object a line")
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		if len(args) == 2 {
			return showRecipient(c, remote, args[0], args[1], *asJSON)
		}
		return listRecipients(c, remote, args[0], filter, *asJSON)
	})
}

// listRecipients writes as it reads: there may be millions.
func listRecipients(c *cobra.Command, remote *client.Client, id string, filter api.ListRecipientsParams, asJSON bool) error {
	out := c.OutOrStdout()
	if !asJSON {
		_, _ = fmt.Fprintf(out, "%-36s  %-10s  %-10s  %-15s  %8s  %s\n", "RECIPIENT", "CHANNEL", "STATE", "REASON", "ATTEMPTS", "SETTLED")
	}
	for r, err := range remote.Recipients(c.Context(), id, filter) {
		switch {
		case err != nil:
		case asJSON:
			err = printJSON(c, r)
		default:
			_, err = fmt.Fprintf(out, "%-36s  %-10s  %-10s  %-15s  %8d  %s\n", textOf(r.RecipientID), r.Channel, r.State, textOf(r.Reason), r.AttemptsUsed, timeOf(r.SettledAt))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func showRecipient(c *cobra.Command, remote *client.Client, id, recipient string, asJSON bool) error {
	t, err := remote.Timeline(c.Context(), id, recipient)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if asJSON {
		return printJSON(c, t)
	}
	_, _ = fmt.Fprintf(out, "%s %s\n", t.Kind, t.RecipientID)
	if t.NotARecipient != nil {
		_, _ = fmt.Fprintf(out, "no recipient: %s\n", *t.NotARecipient)
	}
	for _, d := range t.Deliveries {
		if err := showDelivery(out, d); err != nil {
			return err
		}
	}
	return nil
}

func showDelivery(out io.Writer, d api.RecipientDelivery) error {
	_, _ = fmt.Fprintf(out, "\n%s: %s %s\n", d.Channel, d.State, textOf(d.Reason))
	if d.Until != nil {
		_, _ = fmt.Fprintf(out, "  until %s\n", timeOf(d.Until))
	}
	if d.DigestID != nil {
		_, _ = fmt.Fprintf(out, "  in the digest %s\n", *d.DigestID)
	}
	if d.Choice != nil {
		_, _ = fmt.Fprintf(out, "  chosen (%s):\n", d.Choice.Basis)
		for _, item := range d.Choice.Items {
			if item.InMessage {
				_, _ = fmt.Fprintf(out, "  %3d  %.3f  %s (%s)\n", item.Number, item.Score, item.Title, strings.Join(item.Reasons, ", "))
			}
		}
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, a := range d.Attempts {
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", timeOf(&a.At), numberOf(a), a.Outcome, whyOf(a))
	}
	for _, e := range d.Events {
		link := ""
		if e.Link != nil {
			link = e.Link.URL
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t\t%s\n", timeOf(&e.At), e.Kind, link)
	}
	return table.Flush()
}

// numberOf is which attempt it was. Being put off is none.
func numberOf(a api.Attempt) string {
	if a.Number == 0 {
		return "-"
	}
	return fmt.Sprintf("attempt %d", a.Number)
}

// whyOf is what is known of why an attempt came out so.
func whyOf(a api.Attempt) string {
	reason := ""
	if a.Reason != nil {
		reason = string(*a.Reason)
	}
	known := slices.DeleteFunc([]string{reason, a.ErrorCode, a.Error, a.By}, func(text string) bool { return text == "" })
	return strings.Join(known, " ")
}

// textOf is what may be missing, as a table shows it.
func textOf[T ~string](s *T) string {
	if s == nil {
		return "-"
	}
	return string(*s)
}

func timeOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05.000")
}
