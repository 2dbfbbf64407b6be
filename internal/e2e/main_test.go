// Package e2e tests the system as a whole: every role, on real servers, against stand-in providers that count
// what arrives. It has no code outside its tests. Processes are killed in internal/chaos.
package e2e

import (
	"testing"

	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

func TestMain(m *testing.M) {
	fixture.Together(6)
	dbtest.Main(m)
}
