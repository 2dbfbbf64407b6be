package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
)

func recipientsCommand() *cobra.Command {
	filter := map[string]*string{"state": new(string), "reason": new(string), "channel": new(string)}
	command := &cobra.Command{
		Use:   "recipients PUBLICATION [RECIPIENT]",
		Short: "Show what became of a publication's recipients, or all about one of them",
		Long: "Lists a publication's deliveries. With a recipient (the id of a subscriber or a place, or a subscriber's\n" +
			"address) it shows what was chosen and why, each attempt and each event; of somebody who is no recipient, why not.",
		Example: "  presswork recipients 0192f0c4-… --state failed,uncertain\n  presswork recipients 0192f0c4-… ann@example.org",
		Args:    cobra.RangeArgs(1, 2),
	}
	choose(command.Flags(), filter["state"], "state", "only these states, with commas: failed,uncertain,skipped")
	choose(command.Flags(), filter["reason"], "reason", "only these reasons, with commas: unsubscribed,rejected")
	choose(command.Flags(), filter["channel"], "channel", "only this channel")
	asJSON := command.Flags().Bool("json", false, "print JSON; of a list one object a line")
	return withAPI(command, func(c *cobra.Command, api *client.Client, args []string) error {
		if len(args) == 2 {
			return showRecipient(c, api, args[0], args[1], *asJSON)
		}
		query := url.Values{}
		for name, value := range filter {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		return listRecipients(c, api, args[0], query, *asJSON)
	})
}

// listRecipients writes as it reads: there may be millions.
func listRecipients(c *cobra.Command, api *client.Client, id string, query url.Values, asJSON bool) error {
	out := c.OutOrStdout()
	if !asJSON {
		_, _ = fmt.Fprintf(out, "%-36s  %-10s  %-10s  %-15s  %8s  %s\n", "RECIPIENT", "CHANNEL", "STATE", "REASON", "ATTEMPTS", "SETTLED")
	}
	return api.Recipients(c.Context(), id, query, func(list []client.Recipient) error {
		for _, r := range list {
			var err error
			if asJSON {
				err = printJSON(c, r)
			} else {
				_, err = fmt.Fprintf(out, "%-36s  %-10s  %-10s  %-15s  %8d  %s\n", textOf(r.ID), r.Channel, r.State, textOf(r.Reason), r.Attempts, timeOf(r.SettledAt))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func showRecipient(c *cobra.Command, api *client.Client, id, recipient string, asJSON bool) error {
	t, err := api.Timeline(c.Context(), id, recipient)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if asJSON {
		return printJSON(c, t)
	}
	_, _ = fmt.Fprintf(out, "%s %s\n", t.Kind, t.Recipient)
	if t.Absence != nil {
		_, _ = fmt.Fprintf(out, "no recipient: %s\n", *t.Absence)
	}
	for _, d := range t.Deliveries {
		if err := showDelivery(out, d); err != nil {
			return err
		}
	}
	return nil
}

func showDelivery(out io.Writer, d client.Delivery) error {
	_, _ = fmt.Fprintf(out, "\n%s: %s %s\n", d.Channel, d.State, textOf(d.Reason))
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
		_, _ = fmt.Fprintf(table, "  %s\tattempt %d\t%s\t%s\n", timeOf(&a.At), a.Number, a.Outcome, strings.TrimSpace(a.ErrorCode+" "+a.Error+a.By))
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

// textOf is what may be missing, as a table shows it.
func textOf(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func timeOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05.000")
}
