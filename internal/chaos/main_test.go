// Package chaos kills the processes of a running Presswork and looks whether its promise holds: what was accepted
// arrives once, or its fate is visible. PostgreSQL stands on disk with fsync and synchronous_commit on; what arrived
// is counted by the receivers, not by our ledger. It has no code outside its tests.
package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

func TestMain(m *testing.M) {
	fixture.Together(6)
	goleak.VerifyTestMain(m)
}

// build makes the program whose processes are killed, as `make build` does, which has then compiled it already.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "presswork")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", program, "../../cmd/presswork")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}
