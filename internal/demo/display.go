package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const barWidth = 32

// display shows progress.
type display struct {
	w     io.Writer
	live  bool
	drawn int    // lines to go up before drawing again
	last  string // of a display that is not live
}

func newDisplay(w io.Writer) *display { return &display{w: w, live: terminal(w)} }

// terminal reports a writer that lets the cursor move.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show draws the bars, or writes a line if something has changed.
func (d *display) show(p progress) {
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

func barLines(p progress) []string {
	lines := make([]string, 0, len(kinds())+1)
	for _, kind := range kinds() {
		c := p.channel(kind)
		lines = append(lines, fmt.Sprintf("%-10s %s %*d of %d%s", kind, bar(c), len(fmt.Sprint(c.Total)), c.settled(), c.Total, troubles(c)))
	}
	return append(lines, fmt.Sprintf("%-10s %d of %d", p.State, p.All.settled(), p.All.Total))
}

// bar is full only when all is settled.
func bar(c counts) string {
	full := 0
	if c.Total > 0 {
		full = int(barWidth * c.settled() / c.Total)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

func troubles(c counts) string {
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

func plainLine(p progress) string {
	parts := make([]string, 0, len(kinds()))
	for _, kind := range kinds() {
		c := p.channel(kind)
		parts = append(parts, fmt.Sprintf("%s %d/%d%s", kind, c.settled(), c.Total, troubles(c)))
	}
	return fmt.Sprintf("%s: %s", p.State, strings.Join(parts, "; "))
}
