//go:build unix && !linux

package devstack

import "syscall"

// attributes is empty: only Linux signals the death of a parent.
func attributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}

// watchOver sets a guard beside the program.
func watchOver(pid int, onDeath syscall.Signal) (release func(), err error) {
	return setGuard(pid, onDeath)
}
