package main

import (
	"encoding/json"
	"errors"
	"fmt"
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
	return verification[app.Verification]{
		verify: app.VerifyAudit, write: printVerification,
		intact: func(v app.Verification) bool { return v.Intact }, broken: errNotIntact,
	}.command(&cobra.Command{
		Short: "Verify that what was sealed of the audit log is as it was",
		Long: `Verify that what was sealed of the audit log is as it was: it reads the whole log, computes its chain anew and names
what is altered, missing or added. The exit code is 1 if there is anything.

It needs DATABASE_URL, SECRET_KEY and, for what was sealed with them, SECRET_KEY_PREVIOUS. That the end of the log was cut
off shows only with --anchor: keep what "presswork audit anchor" prints where the database's administrators cannot write.`,
	})
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
