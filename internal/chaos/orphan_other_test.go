//go:build unix && !linux

package chaos

import (
	"net"
	"syscall"
	"testing"
)

// orphanless is empty: only Linux signals the death of a parent.
func orphanless() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// ownAddress is an address that nobody listens on just now.
func ownAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
