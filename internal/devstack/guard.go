package devstack

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// setGuard starts a shell that sends sig to pid when we die, for systems whose
// kernel does not. It reads from a pipe that only we hold open: however we end,
// the pipe ends too. release sends the guard home; call it once pid has ended.
func setGuard(pid int, sig syscall.Signal) (release func(), err error) {
	const script = `read -r stay; kill -"$1" "$2" 2>/dev/null`
	guard := exec.CommandContext(context.Background(), "/bin/sh", "-c", script, "guard", //nolint:gosec // numbers only
		strconv.Itoa(int(sig)), strconv.Itoa(pid))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := guard.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	if err := guard.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return func() {
		_ = guard.Process.Kill() // before the pipe ends, or it would fire
		_ = guard.Wait()         // says only that it was killed
		_ = pipe.Close()
	}, nil
}
