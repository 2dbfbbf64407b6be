package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

func auditCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "audit",
		Short: "Read the audit log, and verify that nobody has altered it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(auditListCommand(), auditVerifyCommand(), auditAnchorCommand())
	return command
}

func auditTable() table[api.AuditEvent] {
	return table[api.AuditEvent]{columns: "ID\tAT\tACTOR\tACTION\tENTITY ID\tCORRELATION ID\tCHANGES", row: func(e api.AuditEvent) []any {
		changes, err := json.Marshal(e.Changes)
		if err != nil || len(e.Changes) == 0 {
			changes = nil
		}
		return []any{e.ID, e.At.Format(time.DateTime), e.Actor, e.Action, textOf(e.EntityID), e.CorrelationID, oneLine(string(changes))}
	}}
}

func auditListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List who did what, the newest first",
		Long: "List who did what, the newest first. That somebody has read the log is itself in it."}
	var f api.ListAuditEventsParams
	flags := command.Flags()
	choose(flags, &f.Actor, "actor", "only by this one, as in key:ID")
	choose(flags, &f.Action, "action", "only this, as in topic.update")
	choose(flags, &f.Entity, "entity", "only about things of this kind, as in topic")
	choose(flags, &f.EntityID, "entity-id", "only about this one")
	choose(flags, &f.CorrelationID, "correlation-id", "only of this request")
	flags.Var(moment{&f.Since}, "since", "only at or after this time (RFC 3339)")
	flags.Var(moment{&f.Until}, "until", "only before this time (RFC 3339)")
	limit := flags.Int("limit", 50, "at most so many")
	return listCommand(command, auditTable(), func(c *cobra.Command, remote *client.Client) ([]api.AuditEvent, error) {
		f.Limit = page(*limit)
		return client.Collect(remote.AuditEvents(c.Context(), f), *limit)
	})
}

// errNotIntact ends a verification that found something.
var errNotIntact = errors.New("the audit log is not intact")

func auditVerifyCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "verify", Short: "Verify that what was sealed of the audit log is as it was", Args: cobra.NoArgs,
		Long: `Verify that what was sealed of the audit log is as it was: it reads the whole log, computes its chain anew and names
what is altered, missing or added. The exit code is 1 if there is anything.

It needs DATABASE_URL, SECRET_KEY and, for what was sealed with them, SECRET_KEY_PREVIOUS. That the end of the log was cut
off shows only with --anchor: keep what "presswork audit anchor" prints where the database's administrators cannot write.`,
	}
	from := command.Flags().Int64("from", 0, "begin with the block of this number")
	var noted string
	choose(command.Flags(), &noted, "anchor", "look for this block, as in 12:HASH: the chain has to contain it")
	asJSON := jsonFlag(command)
	command.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := app.Environment(c.Context(), config.Audit)
		if err != nil {
			return err
		}
		v, err := app.VerifyAudit(c.Context(), settings, *from, noted)
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(c, v)
		} else {
			err = printVerification(c.OutOrStdout(), v)
		}
		if err == nil && !v.Intact {
			err = errNotIntact
		}
		return err
	}
	return command
}

func printVerification(out io.Writer, v app.Verification) error {
	text := fmt.Sprintf("%d events in %d blocks", v.Events, v.Blocks)
	if v.Blocks > 0 {
		text += fmt.Sprintf(", %d to %d", v.First, v.Newest)
	}
	text += fmt.Sprintf("\n%d events are not sealed yet\n", v.Unsealed)
	if v.Purged > 0 {
		text += fmt.Sprintf("blocks up to %d were removed: their time was over\n", v.Purged)
	}
	if v.AnchorPurged {
		text += "the block to look for was removed as well: note a newer one\n"
	}
	if !v.AppendOnly {
		text += "the role of DATABASE_URL may change the log: see Two roles in docs/operations.md\n"
	}
	for _, f := range v.Findings {
		text += string(f.Problem)
		if f.Block > 0 {
			text += fmt.Sprintf(" block %d", f.Block)
		}
		if f.Event != 0 {
			text += fmt.Sprintf(" event %d", f.Event)
		}
		text += "\n"
	}
	if more := v.Found - int64(len(v.Findings)); more > 0 {
		text += fmt.Sprintf("and %d more\n", more)
	}
	switch {
	case v.Intact && v.Anchor != "":
		text += "intact; to be kept elsewhere: " + v.Anchor + "\n"
	case v.Intact:
		text += "intact\n"
	case v.FirstBroken() > 0:
		text += fmt.Sprintf("broken from block %d on\n", v.FirstBroken())
	}
	_, err := io.WriteString(out, text)
	return err
}

func auditAnchorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "anchor", Short: "Print the newest block, to be kept elsewhere", Args: cobra.NoArgs,
		Long: "Print the number and the hash of the newest block, for presswork audit verify --anchor. It needs what that needs.",
		RunE: func(c *cobra.Command, _ []string) error {
			settings, err := app.Environment(c.Context(), config.Audit)
			if err != nil {
				return err
			}
			mark, err := app.AuditMark(c.Context(), settings)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), mark)
			return err
		},
	}
}
