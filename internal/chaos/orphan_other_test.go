//go:build unix && !linux

package chaos

import "syscall"

// orphanless is empty: only Linux signals the death of a parent.
func orphanless() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
