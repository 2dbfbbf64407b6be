// Package progress draws how far a publication is, for people at a terminal.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/presswork/presswork/client"
)

const barWidth = 32

// Display draws a bar for each channel, over and over in the same place; where the cursor cannot move, it writes a
// line whenever something has changed.
type Display struct {
	w     io.Writer
	live  bool
	drawn int    // lines to go up before drawing again
	last  string // of a display that is not live
}

// New makes a Display on w.
func New(w io.Writer) *Display { return &Display{w: w, live: terminal(w)} }

// terminal reports a writer that lets the cursor move.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Show draws the bars, or writes a line if something has changed.
func (d *Display) Show(p client.Progress) {
	if !d.live {
		if line := plainLine(p); line != d.last {
			fmt.Fprintln(d.w, line)
			d.last = line
		}
		return
	}
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.drawn) // up
	}
	lines := barLines(p)
	for _, line := range lines {
		fmt.Fprintf(&b, "\x1b[2K%s\n", line) // clear the line first
	}
	fmt.Fprint(d.w, b.String())
	d.drawn = len(lines)
}

func barLines(p client.Progress) []string {
	lines := make([]string, 0, len(p.Channels)+1)
	for _, c := range p.Channels {
		lines = append(lines, fmt.Sprintf("%-10s %s %*d of %d%s", c.Channel, bar(c), len(fmt.Sprint(c.Total)), c.Settled(), c.Total, troubles(c)))
	}
	return append(lines, fmt.Sprintf("%-10s %d of %d", p.State, p.All.Settled(), p.All.Total))
}

// bar is full only when all is settled.
func bar(c client.Counts) string {
	full := 0
	if c.Total > 0 {
		full = int(barWidth * c.Settled() / c.Total)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

func troubles(c client.Counts) string {
	var out string
	for _, t := range []struct {
		name string
		n    int64
	}{{"skipped", c.Skipped}, {"failed", c.Failed}, {"uncertain", c.Uncertain}} {
		if t.n > 0 {
			out += fmt.Sprintf(", %d %s", t.n, t.name)
		}
	}
	return out
}

func plainLine(p client.Progress) string {
	parts := make([]string, 0, len(p.Channels))
	for _, c := range p.Channels {
		parts = append(parts, fmt.Sprintf("%s %d/%d%s", c.Channel, c.Settled(), c.Total, troubles(c)))
	}
	return fmt.Sprintf("%s: %s", p.State, strings.Join(parts, "; "))
}
