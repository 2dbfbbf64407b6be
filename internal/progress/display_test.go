package progress

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/presswork/presswork/client/api"
)

// What is written around the six lines of the bars.
const (
	over   = "\x1b[6A\x1b[J"
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

func halfway() api.Progress {
	return api.Progress{State: "sending", All: api.Counts{Total: 8, Sent: 3}, Channels: []api.Counts{
		{Channel: "email", Total: 3, Sent: 2}, {Channel: "newsletter", Total: 3}, {Channel: "slack", Total: 2, Sent: 1},
		{Channel: "discord"}, {Channel: "webhook"},
	}}
}

func TestDisplay(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	d := &Display{w: &out, live: true}
	p := halfway()
	p.Channels[0].Failed = 1
	d.Show(p)
	if lines := strings.Split(out.String(), "\n"); len(lines) != 7 ||
		lines[0] != noWrap+"email      ████████████████████████████████ 3 of 3, 1 failed" ||
		lines[2] != "slack      ████████████████░░░░░░░░░░░░░░░░ 1 of 2" ||
		lines[5] != "sending    3 of 8" || lines[6] != wrap {
		t.Errorf("%q", lines)
	}
	out.Reset()
	d.Show(halfway())
	if !strings.HasPrefix(out.String(), over+noWrap+"email") {
		t.Errorf("%q", out.String())
	}
}

// TestNotes writes above the bars while they are drawn, and below them after the end.
func TestNotes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	d := &Display{w: &out, live: true}
	d.Show(halfway())
	bars := strings.TrimPrefix(out.String(), noWrap)
	out.Reset()
	fmt.Fprintln(d, "The worker is gone.")
	if want := over + "The worker is gone.\n" + noWrap + bars; out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
	d.End()
	out.Reset()
	fmt.Fprintln(d, "Another one.")
	if want := "Another one.\n"; out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	d := New(&out)
	d.Show(halfway())
	d.Show(halfway())
	fmt.Fprintln(d, "The worker is gone.")
	want := "sending: email 2/3; newsletter 0/3; slack 1/2; discord 0/0; webhook 0/0\nThe worker is gone.\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	file, err := os.Create(t.TempDir() + "/progress")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if terminal(file) || terminal(&out) {
		t.Error("a file is taken for a terminal")
	}
}
