package devstack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// helperVariable makes the test program play another part: see helper.
const helperVariable = "PRESSWORK_DEVSTACK_HELPER"

// helper is a process made to be killed. It prints the ids of the processes it
// started and then waits.
func helper(role string) {
	var err error
	switch name, dir, _ := strings.Cut(role, ":"); name {
	case "stack":
		err = helpStack(dir)
	case "guard":
		err = helpGuard()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

func helpStack(dir string) error {
	s, err := Start(context.Background(), Options{Dir: dir, RequireRedis: true})
	if err != nil {
		return err
	}
	fmt.Println(s.PostgresPID(), s.RedisPID())
	return nil
}

func helpGuard() error {
	ward := exec.CommandContext(context.Background(), "sleep", "600")
	if err := ward.Start(); err != nil {
		return err
	}
	if _, err := setGuard(ward.Process.Pid, syscall.SIGTERM); err != nil {
		return err
	}
	fmt.Println(ward.Process.Pid)
	return nil
}

// runHelper starts a helper, kills it with SIGKILL once it has said what it
// started, and returns that.
func runHelper(t *testing.T, role string) []int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), helperVariable+"="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says only that it was killed
	if readErr != nil {
		t.Fatal(readErr)
	}
	var pids []int
	for word := range strings.FieldsSeq(line) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatalf("the helper says %q", line)
		}
		pids = append(pids, pid)
	}
	return pids
}

func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for alive(pid) {
		if err := pause(t.Context()); err != nil {
			t.Fatalf("process %d is still alive: %v", pid, err)
		}
	}
}

func TestServersDieWithUs(t *testing.T) {
	t.Parallel()
	dir := dataFolder(t)
	pids := runHelper(t, "stack:"+dir)
	// At once: the folder's lock waits for the old servers.
	s := start(t, Options{Dir: dir, RequireRedis: true})
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlives a killed parent", pid)
		}
	}
	ask[int](t, s.DatabaseURL(), "SELECT 1")
}

func TestGuardOutlivesUs(t *testing.T) {
	t.Parallel()
	for _, pid := range runHelper(t, "guard:") {
		awaitDeath(t, pid)
	}
}

func TestGuardGoesHome(t *testing.T) {
	t.Parallel()
	ward := exec.CommandContext(t.Context(), "cat")
	pipe, err := ward.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ward.Start(); err != nil {
		t.Fatal(err)
	}
	release, err := setGuard(ward.Process.Pid, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ward.Wait(); err != nil {
		t.Errorf("a released guard fired: %v", err)
	}
}
