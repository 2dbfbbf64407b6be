package progress

import (
	"os"
	"strings"
	"testing"

	"github.com/presswork/presswork/client"
)

func halfway() client.Progress {
	return client.Progress{State: "sending", All: client.Counts{Total: 8, Sent: 3}, Channels: []client.Counts{
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
		lines[0] != "\x1b[2Kemail      ████████████████████████████████ 3 of 3, 1 failed" ||
		lines[2] != "\x1b[2Kslack      ████████████████░░░░░░░░░░░░░░░░ 1 of 2" ||
		lines[5] != "\x1b[2Ksending    3 of 8" {
		t.Errorf("%q", lines)
	}
	out.Reset()
	d.Show(halfway())
	if !strings.HasPrefix(out.String(), "\x1b[6A\x1b[2Kemail") {
		t.Errorf("%q", out.String())
	}
	file, err := os.Create(t.TempDir() + "/progress")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if terminal(file) || terminal(&out) {
		t.Error("a file is taken for a terminal")
	}
}
