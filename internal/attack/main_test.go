// Package attack tries what an attacker would: a corpus of inputs (testdata) in every field of every route, hostile contents
// through the whole pipeline, broken HTTP over raw sockets, addresses that must not be reached, and the pages in a real browser.
// It has no code outside its tests.
package attack

import (
	"context"
	"errors"
	"flag"
	"net"
	"testing"

	"github.com/presswork/presswork/internal/testkit/dbtest"
)

// whole throws every input at every field, which takes minutes; without it each field gets a few inputs of each kind, others than
// the field before.
var whole = flag.Bool("whole", false, "throw every input at every field") //nolint:gochecknoglobals // flags are

// TestMain has names looked up in the file of hosts only: the corpus has addresses of others, and no server is asked about them.
func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody is asked")
	}}
	dbtest.Main(m)
}
