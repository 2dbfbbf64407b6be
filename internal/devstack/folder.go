package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lockName   = "lock"
	tempPrefix = "presswork-stack-"
	// lockPatience is how long we wait for the servers of a process that was
	// killed to finish dying. PostgreSQL gives its own children 5 s.
	lockPatience = 15 * time.Second
)

// folder is the data folder of one stack, locked against others.
type folder struct {
	path      string
	temporary bool
	lock      *os.File
}

// openFolder makes and locks the folder that o asks for.
func openFolder(ctx context.Context, o Options) (*folder, error) {
	f := &folder{temporary: o.Dir == ""}
	var err error
	if f.temporary {
		f.path, err = makeTemporary(o.Durable)
	} else {
		f.path, err = makePermanent(o.Dir)
	}
	if err != nil {
		return nil, err
	}
	if f.lock, err = lockFolder(ctx, f.path); err != nil {
		return nil, err
	}
	return f, nil
}

// close gives the folder up, and removes it if it was temporary. It takes our
// name off the lock: orphans of a crashed server may hold it a moment longer.
func (f *folder) close() error {
	err := f.lock.Truncate(0)
	if f.temporary {
		err = errors.Join(err, removeStack(f.path))
	}
	return errors.Join(err, f.lock.Close())
}

func makePermanent(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, FolderMode()); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, FolderMode())
}

// makeTemporary makes a new folder and clears away those left by killed runs.
func makeTemporary(durable bool) (string, error) {
	parent := os.TempDir()
	if !durable && roomy("/dev/shm") {
		parent = "/dev/shm"
	}
	sweep(parent)
	dir, err := os.MkdirTemp(parent, tempPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, FolderMode())
}

// FolderMode is how to make a folder that a data folder shall lie in. It lets
// another user pass through, not look, when PostgreSQL will run as one. What
// lies inside is closed to others.
func FolderMode() fs.FileMode {
	if os.Getuid() == 0 {
		return 0o711
	}
	return 0o700
}

// roomy tells whether dir can take a test cluster. Containers often have a
// /dev/shm of 64 MB.
func roomy(dir string) bool {
	const need, writable = 2 << 30, 2
	var st syscall.Statfs_t
	if syscall.Access(dir, writable) != nil || syscall.Statfs(dir, &st) != nil {
		return false
	}
	return st.Bavail*uint64(st.Bsize) >= need //nolint:gosec // a block size is positive; its type differs by system
}

// sweep removes temporary stacks whose process was killed before it could.
// Young folders are left alone: their lock may not have been taken yet.
func sweep(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, tempPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || ownerOf(info).uid != os.Getuid() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if lock, err := tryLock(dir); err == nil {
			_ = removeStack(dir) // best effort: the next run tries again
			_ = lock.Close()
		}
	}
}

// removeStack removes a data folder and a cluster that was placed elsewhere.
func removeStack(dir string) error {
	var elsewhere error
	if home, err := os.Readlink(filepath.Join(dir, "postgres")); err == nil {
		elsewhere = os.RemoveAll(home)
	}
	return errors.Join(elsewhere, os.RemoveAll(dir))
}

// lockFolder takes the folder's lock. The servers inherit it, so it stays taken
// until the last of them is gone, even if we are killed.
func lockFolder(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		lock, err := tryLock(dir)
		if err == nil {
			return lock, writePID(lock)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		holder := readPID(dir)
		if holder > 0 && syscall.Kill(holder, 0) == nil {
			return nil, fmt.Errorf("%s is in use by process %d: stop it, or choose another data folder", dir, holder)
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("%s is still in use by servers of process %d, which is gone: %w", dir, holder, err)
		}
	}
}

func tryLock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // our own folder
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func writePID(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// readPID returns the holder of a folder's lock; 0 if it has not said yet.
func readPID(dir string) int {
	b, err := os.ReadFile(filepath.Join(dir, lockName)) //nolint:gosec // our own folder
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}

// pause waits a moment between two looks at something that cannot be waited for.
func pause(ctx context.Context) error {
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
