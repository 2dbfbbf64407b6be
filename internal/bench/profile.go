package bench

import (
	"context"
	"errors"
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
		taken, err := s.profileOf(ctx, worker, profileSeconds)
		done <- errors.Join(err, r.keepProfile(fmt.Sprintf("%s-worker-%d.pprof", r.name, n), taken))
	}()
	return func() error { return <-done }
}

// keepProfile writes a profile for whoever wants to look at it, if profiles are wanted.
func (r *runner) keepProfile(name string, taken []byte) error {
	if r.Profiles == "" || len(taken) == 0 {
		return nil
	}
	if err := os.WriteFile(filepath.Join(r.Profiles, name), taken, 0o600); err != nil {
		return fmt.Errorf("keep a profile: %w", err)
	}
	return nil
}

// profileOf takes a CPU profile of a part for so long.
func (s *system) profileOf(ctx context.Context, p part, seconds int) ([]byte, error) {
	ops := newEndpoint("http://"+s.child(p).ops, s.key)
	defer ops.close()
	ops.http.Timeout = 0
	answer, err := ops.send(ctx, http.MethodGet, fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("profile the %s: %w", p, err)
	}
	defer answer.Body.Close()
	taken, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("profile the %s: %w", p, err)
	}
	return taken, nil
}
