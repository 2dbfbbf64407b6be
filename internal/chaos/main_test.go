// Package chaos kills the processes of a running Presswork and looks whether its promise holds: what was accepted
// arrives once, or its fate is visible. PostgreSQL stands on disk with fsync and synchronous_commit on; what arrived
// is counted by the receivers, not by our ledger. It has no code outside its tests.
package chaos

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/testkit/fixture"
)

func TestMain(m *testing.M) {
	fixture.Together(6)
	goleak.VerifyTestMain(m)
}
