package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// profileSeconds is how long a profile takes; a run is longer.
const profileSeconds = 8

// profile begins to take a CPU profile of the worker, if profiles are wanted. The returned function waits for it.
func (r *runner) profile(ctx context.Context, s *system, n int) (end func() error) {
	if r.Profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- s.profileWorker(ctx, filepath.Join(r.Profiles, fmt.Sprintf("%s-worker-%d.pprof", r.name, n)))
	}()
	return func() error { return <-done }
}

func (s *system) profileWorker(ctx context.Context, path string) (err error) {
	ops := newEndpoint("http://"+s.child(worker).ops, s.key)
	defer ops.close()
	ops.http.Timeout = 0
	answer, err := ops.send(ctx, http.MethodGet, fmt.Sprintf("/debug/pprof/profile?seconds=%d", profileSeconds), http.NoBody)
	if err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	defer answer.Body.Close()
	file, err := os.Create(path) //nolint:gosec // named by whoever wants it
	if err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	if _, err := io.Copy(file, answer.Body); err != nil {
		_ = file.Close() // the first error counts
		return fmt.Errorf("profile the worker: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("profile the worker: %w", err)
	}
	return nil
}
