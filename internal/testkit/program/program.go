// Package program builds presswork for tests that start processes of it.
package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Variable names the environment variable with the path of a program that was built already, as `make test` does.
const Variable = "PRESSWORK_TEST_PROGRAM"

// Build makes the program as it ships, without the race detector and coverage of the tests, and returns its path; or that of
// the one which the environment names. What it made goes with the test.
func Build(t *testing.T) string {
	t.Helper()
	if built := os.Getenv(Variable); built != "" {
		return built
	}
	path := filepath.Join(t.TempDir(), "presswork")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", path,
		"github.com/presswork/presswork/cmd/presswork")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}
