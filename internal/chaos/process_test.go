package chaos

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// process is one running role.
type process struct {
	t       *testing.T
	name    string
	command *exec.Cmd
	log     string        // path of what it wrote
	ended   chan struct{} // closed when it is gone
}

// logsVariable names a folder for what the processes write; without it that is shown when a test fails.
const logsVariable = "CHAOS_LOGS"

// launch runs the program until it is killed, stopped, or the test ends. The name is for the log's file.
func launch(t *testing.T, program, name string, env []string, arguments ...string) *process {
	t.Helper()
	logs := os.Getenv(logsVariable)
	if logs == "" {
		logs = t.TempDir()
	}
	p := &process{t: t, name: name, log: filepath.Join(logs, name+".log"), ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	p.command = exec.CommandContext(context.WithoutCancel(t.Context()), program, arguments...) //nolint:gosec // built by the test
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	p.command.Stdout, p.command.Stderr = out, out
	p.command.SysProcAttr = orphanless()
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // the signal at our death follows the thread
		defer runtime.UnlockOSThread()
		defer out.Close()
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait() // that it was killed is no news
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start the %s: %v", name, err)
	}
	t.Cleanup(p.cleanup)
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v to the %s: %v", s, p.name, err)
	}
}

// kill is kill -9: the process has no time for anything.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// alive reports whether the process runs.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) cleanup() {
	if p.alive() {
		_ = p.command.Process.Kill() // fails only if it is gone
		<-p.ended
	}
	if p.t.Failed() && os.Getenv(logsVariable) == "" {
		const most = 4000
		written, _ := os.ReadFile(p.log) // as far as there is one
		p.t.Logf("the %s wrote:\n%s", p.name, written[max(0, len(written)-most):])
	}
}
