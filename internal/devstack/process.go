package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopPatience is how long a server has for an orderly stop before it is killed.
const stopPatience = 30 * time.Second

// process is a program that dies with us.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and been reaped
	err  error         // how it ended; read after done
}

// launch starts cmd in a process group of its own, so that a Ctrl-C in the
// terminal reaches us first. Should we die, it gets the signal onDeath.
func launch(cmd *exec.Cmd, who account, onDeath syscall.Signal) (*process, error) {
	cmd.SysProcAttr = attributes(onDeath)
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Credential = who.credential()
	if cmd.Env == nil {
		// Not our environment: PGDATA, PGPORT and the like must not leak in, and
		// macOS needs a locale that exists.
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(started, onDeath)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return p, nil
}

// run starts the program and stays with it to the end, on one thread: Linux
// signals the death of the thread that started a program, not of the process.
func (p *process) run(started chan<- error, onDeath syscall.Signal) {
	defer close(p.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	release, err := watchOver(p.cmd.Process.Pid, onDeath)
	if err != nil {
		started <- errors.Join(err, p.cmd.Process.Kill(), p.cmd.Wait())
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
	release()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// wait returns how the program ended, killing it if ctx ends first.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
}

// stop sends sig and waits; a program that does not end in time is killed.
func (p *process) stop(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.kill()
		return fmt.Errorf("%s did not stop within %v and was killed", p.cmd.Path, stopPatience)
	}
}

// kill ends the program and everything in its group.
func (p *process) kill() {
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL) // fails only if it is gone already
	<-p.done
}

// ready calls try until it succeeds, the program ends or ctx does.
func (p *process) ready(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w", p.cmd.Path, errors.Join(p.err, errEnded))
		default:
		}
		if pause(ctx) != nil {
			return fmt.Errorf("%s does not answer: %w", p.cmd.Path, err)
		}
	}
}

// errEnded says that a server ended before it was ready.
var errEnded = errors.New("ended before it was ready")
