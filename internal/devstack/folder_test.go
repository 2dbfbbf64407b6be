package devstack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	old := time.Now().Add(-time.Hour)
	var checks []func()
	for name, c := range map[string]struct{ held, young, want bool }{
		tempPrefix + "abandoned": {},
		tempPrefix + "held":      {held: true, want: true},
		tempPrefix + "young":     {young: true, want: true},
		"something-else":         {want: true},
	} {
		dir := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Join(dir, "redis"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.held {
			lock, err := tryLock(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := lock.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		if !c.young {
			if err := os.Chtimes(dir, old, old); err != nil {
				t.Fatal(err)
			}
		}
		checks = append(checks, func() {
			if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) == c.want {
				t.Errorf("%s: want it kept: %v, got %v", name, c.want, err)
			}
		})
	}
	sweep(parent)
	for _, check := range checks {
		check()
	}
}

func TestRemoveStackFollowsItsLink(t *testing.T) {
	t.Parallel()
	dir, home := t.TempDir(), t.TempDir()
	if err := os.Symlink(home, filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	if err := removeStack(dir); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{dir, home} {
		if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
}

// The holder is gone but what it started still has the lock.
func TestLockWaitsForOrphans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	orphans, err := tryLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	// No process can have this id: it is above Linux's PID_MAX_LIMIT and macOS's.
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte("2147483647"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lockFolder(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("with orphans: got %v", err)
	}
	if err := orphans.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFolder(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := readPID(dir); got != os.Getpid() {
		t.Errorf("the lock names process %d", got)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	stranger := account{uid: 1 << 30, gid: 1 << 30}
	self := account{uid: os.Getuid(), gid: os.Getgid()}
	dir := filepath.Join(dataFolder(t), "inner")
	for _, c := range []struct {
		mode           fs.FileMode
		self, stranger bool
	}{
		{0o700, true, false},
		{0o711, true, os.Getuid() == 0},
		{0o755, true, os.Getuid() == 0},
	} {
		if err := os.Mkdir(dir, c.mode); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		if got := self.reaches(dir); got != c.self {
			t.Errorf("%v: the owner reaches it: %v", c.mode, got)
		}
		if got := stranger.reaches(dir); got != c.stranger {
			t.Errorf("%v: a stranger reaches it: %v", c.mode, got)
		}
	}
	if self.reaches(filepath.Join(dir, "missing")) {
		t.Error("reaches a folder that is not there")
	}
}

func TestNewestPostgresIsFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := t.TempDir()
	for dir, programs := range map[string][]string{
		"9/bin":  {"initdb", "postgres"},
		"15/bin": {"initdb", "postgres"},
		"17/bin": {"initdb", "postgres"},
		"18/bin": {"psql"}, // a client only
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil { //nolint:gosec // as packages do
			t.Fatal(err)
		}
		for _, name := range programs {
			if err := os.WriteFile(filepath.Join(root, dir, name), nil, 0o755); err != nil { //nolint:gosec // a program
				t.Fatal(err)
			}
		}
	}
	got, err := findPostgresIn([]string{filepath.Join(root, "nowhere", "*"), filepath.Join(root, "*", "bin")})
	if want := filepath.Join(root, "17", "bin"); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := findPostgresIn(nil); !errors.Is(err, ErrNoPostgres) {
		t.Errorf("nowhere to look: got %v", err)
	}
}
