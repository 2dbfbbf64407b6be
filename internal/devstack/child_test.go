package devstack

import (
	"bufio"
	"io"
	"os/exec"
	"testing"
)

func TestChild(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `trap 'echo told; exit 0' TERM; echo "$ONLY:$HOME"; while :; do sleep 0.01; done`)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "ONLY=this"}
	out, write := io.Pipe()
	cmd.Stdout = write
	child, err := StartChild(cmd)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "this:\n" {
		t.Errorf("its environment: %q, %v", line, err)
	}
	told := make(chan string, 1)
	go func() {
		line, _ := lines.ReadString('\n')
		told <- line
	}()
	for range 2 {
		if err := child.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	<-child.Done()
	if line := <-told; line != "told\n" {
		t.Errorf("before its end it wrote %q", line)
	}
	if child.PID() <= 0 {
		t.Errorf("pid %d", child.PID())
	}
	if _, err := StartChild(exec.CommandContext(t.Context(), "/nowhere/at/all")); err == nil {
		t.Error("a program that is not there was started")
	}
}
