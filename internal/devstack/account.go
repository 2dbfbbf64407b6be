package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is a user and group of the machine.
type account struct{ uid, gid int }

// isRoot tells whether PostgreSQL would refuse to run as a.
func (a account) isRoot() bool { return a.uid == 0 }

// credential makes a program run as a; nil when it would anyway.
func (a account) credential() *syscall.Credential {
	if a.uid == os.Getuid() {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)} //nolint:gosec // ids come from the system
}

func ownerOf(info fs.FileInfo) account {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return account{uid: -1, gid: -1}
	}
	return account{uid: int(st.Uid), gid: int(st.Gid)}
}

// unprivileged finds the user that PostgreSQL runs as: ourselves, or in the
// place of root the user postgres, or nobody.
func unprivileged() (account, error) {
	self := account{uid: os.Getuid(), gid: os.Getgid()}
	if !self.isRoot() {
		return self, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil && uid > 0 {
			return account{uid: uid, gid: gid}, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and the machine has neither a user postgres nor nobody")
}

// reaches tells whether a may pass through dir and all folders above it. Access
// control lists are not considered.
func (a account) reaches(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || !a.passes(info) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func (a account) passes(info fs.FileInfo) bool {
	need := fs.FileMode(0o001)
	switch o := ownerOf(info); {
	case a.isRoot():
		return true
	case o.uid == a.uid:
		need = 0o100
	case o.gid == a.gid:
		need = 0o010
	}
	return info.Mode()&need != 0
}

// postgresHome finds or makes the folder for PostgreSQL's files and tells who
// owns it: PostgreSQL must run as that user. The folder is <dir>/postgres, which
// is a link if that user cannot reach dir.
func postgresHome(dir string, log func(string, ...any)) (string, account, error) {
	link := filepath.Join(dir, "postgres")
	if home, err := filepath.EvalSymlinks(link); err == nil {
		info, err := os.Stat(home)
		if err != nil {
			return "", account{}, err
		}
		if owner := ownerOf(info); !owner.isRoot() {
			return home, owner, nil
		}
	}
	who, err := unprivileged()
	if err != nil {
		return "", account{}, err
	}
	if who.reaches(dir) {
		return link, who, give(link, who)
	}
	home, err := elsewhere(who)
	if err != nil {
		return "", account{}, err
	}
	log("PostgreSQL cannot run as root and its user cannot reach the data folder: its files are elsewhere",
		"folder", dir, "elsewhere", home)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", account{}, err // a dangling link goes; a folder with files stays
	}
	return home, who, os.Symlink(home, link)
}

// give makes dir and hands it to who.
func give(dir string, who account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if who.uid == os.Getuid() {
		return nil
	}
	return os.Chown(dir, who.uid, who.gid)
}

// elsewhere makes a folder for who in a place that any user reaches.
func elsewhere(who account) (string, error) {
	const state = "/var/lib/presswork"
	_ = os.MkdirAll(state, 0o755) //nolint:gosec // others pass through it; if it fails, the next place is tried
	for _, parent := range []string{state, os.TempDir(), "/tmp"} {
		if !who.reaches(parent) {
			continue
		}
		home, err := os.MkdirTemp(parent, "postgres-")
		if err == nil {
			return home, give(home, who)
		}
	}
	return "", fmt.Errorf("no folder found that user %d reaches (tried %s and %s)", who.uid, state, os.TempDir())
}
