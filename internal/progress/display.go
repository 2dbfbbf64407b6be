// Package progress draws how far a publication is, for people at a terminal.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/presswork/presswork/client/api"
)

const barWidth = 32

// Display draws a bar for each channel, over and over in the same place; where the cursor cannot move, it writes a
// line whenever something has changed. Its methods may be called from any goroutine.
type Display struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	lines []string // drawn last, and gone over by what is drawn next
	last  string   // of a display that is not live
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
func (d *Display) Show(p api.Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live {
		d.draw("", barLines(p))
		return
	}
	if line := plainLine(p); line != d.last {
		fmt.Fprintln(d.w, line)
		d.last = line
	}
}

// Write puts whole lines above the bars, where they stay.
func (d *Display) Write(text []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.live {
		return d.w.Write(text)
	}
	d.draw(string(text), d.lines)
	return len(text), nil
}

// End leaves the bars as they are: what comes next goes below them.
func (d *Display) End() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines, d.last = nil, ""
}

// draw clears the bars that are there, writes text in their place, and bars below it. A line that is too long for
// the terminal is cut, since one that wraps would take two.
func (d *Display) draw(text string, lines []string) {
	var b strings.Builder
	if len(d.lines) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", len(d.lines)) // up, and clear to the end of the screen
	}
	b.WriteString(text)
	if len(lines) > 0 {
		b.WriteString("\x1b[?7l" + strings.Join(lines, "\n") + "\n\x1b[?7h")
	}
	fmt.Fprint(d.w, b.String())
	d.lines = lines
}

func barLines(p api.Progress) []string {
	lines := make([]string, 0, len(p.Channels)+1)
	for _, c := range p.Channels {
		lines = append(lines, fmt.Sprintf("%-10s %s %*d of %d%s", c.Channel, bar(c), len(fmt.Sprint(c.Total)), c.Settled(), c.Total, troubles(c)))
	}
	return append(lines, Line(p))
}

// Line is the whole in one line, with its pace and the time that is left, where they are known.
func Line(p api.Progress) string {
	line := fmt.Sprintf("%-10s %d of %d", p.State, p.All.Settled(), p.All.Total)
	if p.RatePerSecond > 0 {
		line += fmt.Sprintf(", %s a second", short(p.RatePerSecond))
	}
	if p.ETASeconds != nil {
		line += fmt.Sprintf(", %s left", time.Duration(*p.ETASeconds)*time.Second)
	}
	return line
}

// short is a rate in as many digits as say something.
func short(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// bar is full only when all is settled.
func bar(c api.Counts) string {
	full := 0
	if c.Total > 0 {
		full = int(barWidth * c.Settled() / c.Total)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

func troubles(c api.Counts) string {
	var out string
	for _, t := range []struct {
		name string
		n    int64
	}{{"deferred", c.Deferred}, {"skipped", c.Skipped}, {"failed", c.Failed}, {"uncertain", c.Uncertain}} {
		if t.n > 0 {
			out += fmt.Sprintf(", %d %s", t.n, t.name)
		}
	}
	return out
}

func plainLine(p api.Progress) string {
	parts := make([]string, 0, len(p.Channels))
	for _, c := range p.Channels {
		parts = append(parts, fmt.Sprintf("%s %d/%d%s", c.Channel, c.Settled(), c.Total, troubles(c)))
	}
	return fmt.Sprintf("%s: %s", p.State, strings.Join(parts, "; "))
}
