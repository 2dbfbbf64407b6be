package devstack

import "syscall"

// attributes has the kernel send onDeath to the program when we die.
func attributes(onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: onDeath}
}

// watchOver has nothing to add to what the kernel does.
func watchOver(int, syscall.Signal) (release func(), err error) {
	return func() {}, nil
}
