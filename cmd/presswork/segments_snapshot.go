package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/client/api"
)

func segmentsSnapshotCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "snapshot SEGMENT", Short: "Write down who belongs to a segment now", Args: cobra.ExactArgs(1),
		Long: "Write down who belongs to a segment now. A publication may be for them later, and it can be compared with what the segment is then.",
	}
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := findSegment(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		taken, err := remote.TakeSegmentSnapshot(c.Context(), s.ID)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, taken)
		}
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s\t%d readers\n", taken.ID, taken.Count)
		return nil
	})
}

func segmentsSnapshotsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "snapshots SEGMENT", Short: "List the snapshots of a segment, and who came and left since each", Args: cobra.ExactArgs(1),
	}
	limit := command.Flags().Int("limit", 10, "at most so many")
	asJSON := jsonFlag(command)
	return withAPI(command, func(c *cobra.Command, remote *client.Client, args []string) error {
		s, err := findSegment(c.Context(), remote, args[0])
		if err != nil {
			return err
		}
		list, err := client.Collect(remote.SegmentSnapshots(c.Context(), s.ID, api.ListSegmentSnapshotsParams{Limit: page(*limit)}), *limit)
		if err != nil {
			return err
		}
		changes := make(map[api.ID]api.SnapshotChanges, len(list))
		for _, taken := range list {
			if *asJSON { // which has snapshots as they are; each comparison counts a segment
				break
			}
			if changes[taken.ID], err = remote.CompareSnapshot(c.Context(), taken.ID, api.CompareSnapshotParams{}); err != nil {
				return err
			}
		}
		columns := table[api.SegmentSnapshot]{columns: "ID\tTAKEN\tVERSION\tREADERS\tCAME SINCE\tLEFT SINCE", row: func(t api.SegmentSnapshot) []any {
			return []any{t.ID, t.CreatedAt.Format(time.DateTime), t.Version, t.Count, changes[t.ID].Added, changes[t.ID].Removed}
		}}
		return columns.show(c, list, *asJSON)
	})
}
