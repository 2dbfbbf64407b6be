package bench

import (
	"context"
	"fmt"
	"runtime"
	"syscall"

	"github.com/presswork/presswork/internal/postgres/bare"
)

// settings asks the servers under which conditions they ran.
func (s *system) settings(ctx context.Context) (Settings, error) {
	set := Settings{Redis: "appendonly yes, appendfsync everysec", Cores: runtime.NumCPU()}
	db, err := bare.Open(ctx, s.stack.DatabaseURL(), 1)
	if err != nil {
		return set, err
	}
	defer db.Close()
	if set.Durability, err = db.Durability(ctx); err != nil {
		return set, err
	}
	admin, err := bare.Open(ctx, s.stack.AdminURL(), 1)
	if err != nil {
		return set, err
	}
	defer admin.Close()
	dir, err := admin.DataDirectory(ctx)
	if err != nil {
		return set, err
	}
	set.Disk, err = onDisk(dir)
	return set, err
}

// onDisk tells whether a folder is not in memory.
func onDisk(dir string) (bool, error) {
	const tmpfs, ramfs = 0x01021994, 0x858458f6 // statfs(2)
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return false, fmt.Errorf("look at the data folder: %w", err)
	}
	return st.Type != tmpfs && st.Type != ramfs, nil
}
