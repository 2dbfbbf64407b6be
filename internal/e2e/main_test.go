// Package e2e tests the system as a whole: every role, on real servers, against stand-in providers that count
// what arrives. It has no code outside its tests. Processes are killed in internal/chaos.
package e2e

import (
	"testing"

	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
