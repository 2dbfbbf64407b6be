package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

// verification verifies a log that is sealed in blocks: what it finds is a V.
type verification[V any] struct {
	// verify verifies from a block on, 0 for all, and looks for a block that was noted.
	verify func(ctx context.Context, c *config.Config, from int64, noted string) (V, error)
	write  func(io.Writer, V) error
	intact func(V) bool
	// broken is the command's error if the log is not intact.
	broken error
}

// command gives a command its flags and lets it verify: it fails if the log is not intact.
func (v verification[V]) command(command *cobra.Command) *cobra.Command {
	command.Use, command.Args = "verify", cobra.NoArgs
	from := command.Flags().Int64("from", 0, "begin with the block of this number")
	var noted string
	choose(command.Flags(), &noted, "anchor", "look for this block, as in 12:HASH: the chain has to contain it")
	asJSON := jsonFlag(command)
	command.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := app.Environment(c.Context(), config.Audit)
		if err != nil {
			return err
		}
		found, err := v.verify(c.Context(), settings, *from, noted)
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(c, found)
		} else {
			err = v.write(c.OutOrStdout(), found)
		}
		if err == nil && !v.intact(found) {
			err = v.broken
		}
		return err
	}
	return command
}

// printVerification prints what both logs have in common.
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
