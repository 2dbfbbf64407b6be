package devstack

import (
	"os"
	"os/exec"
	"syscall"
)

// Child is a program that runs beside the servers of a stack and, like them, dies
// with us, even when we are killed with SIGKILL.
type Child struct{ process *process }

// StartChild starts cmd as our own user, in a process group of its own. Its
// environment is cmd.Env and nothing of ours; without one it has a PATH. What it
// writes goes where cmd says.
func StartChild(cmd *exec.Cmd) (*Child, error) {
	running, err := launch(cmd, account{uid: os.Getuid()}, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	return &Child{running}, nil
}

// PID is its process id, also after it has ended.
func (c *Child) PID() int { return c.process.pid() }

// Done is closed when it has ended.
func (c *Child) Done() <-chan struct{} { return c.process.done }

// Stop asks it to end (SIGTERM) and waits; what has not ended after 30 s is
// killed, which is an error. It may be repeated.
func (c *Child) Stop() error { return c.process.stop(syscall.SIGTERM) }
