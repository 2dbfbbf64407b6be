package chaos

import "syscall"

// orphanless has the kernel kill a process when the thread that started it ends: no test run leaves any behind.
func orphanless() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
