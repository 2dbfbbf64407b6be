// Package program builds presswork for tests that start processes of it.
package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build makes the program as it ships, without the race detector and coverage of the tests, and returns its path. `make
// build` does the same and leaves all but the linking done. The file goes with the test.
func Build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "presswork")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", path,
		"github.com/presswork/presswork/cmd/presswork")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}
