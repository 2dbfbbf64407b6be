// Command withstack runs a command with a private PostgreSQL and Redis, so that
// the tests of many packages share them:
//
//	go run ./internal/testkit/withstack -- go test ./...
//
// It fails if a server program is missing, and says what to install. Otherwise
// it exits with the command's code. Servers that the environment already names
// are used instead of new ones.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/testkit"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withstack [--] command [argument …]")
		os.Exit(2)
	}
	code, err := run(context.Background(), args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withstack:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// run returns the exit code of the command; 128 and the signal's number if a
// signal ended it, as shells do.
func run(ctx context.Context, args []string) (code int, err error) {
	// From the first moment: an interrupted start must end the servers too.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	stop, err := testkit.Provide(ctx, devstack.Options{Postgres: true, Redis: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running it is what we are for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A group of its own: the terminal signals us, and we pass it on once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if number, ok := s.(syscall.Signal); ok {
				_ = syscall.Kill(-cmd.Process.Pid, number) // fails only if it is gone
			}
		case err := <-ended:
			return exitCode(cmd.ProcessState, err)
		}
	}
}

func exitCode(state *os.ProcessState, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}
