package main

import (
	"context"
	"errors"
	"io"
	"testing"
)

// TestPresses hears a key that is pressed while somebody listens, and ends with the input.
func TestPresses(t *testing.T) {
	t.Parallel()
	in, keyboard := io.Pipe()
	enter := presses(t.Context(), in)
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		for {
			if _, err := keyboard.Write([]byte("\n")); err != nil {
				return
			}
		}
	}()
	<-enter
	<-enter
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	<-typed
}

// TestStoppedDemo is no error for somebody who watches, and one for a program that waits for the result.
func TestStoppedDemo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	broken := errors.New("broken")
	if unlessStopped(ctx, false, broken) == nil {
		t.Error("an error is kept quiet")
	}
	cancel()
	if unlessStopped(ctx, false, broken) != nil || unlessStopped(ctx, true, broken) == nil {
		t.Error("Ctrl-C is an error for somebody who watches, or none for a program")
	}
}
