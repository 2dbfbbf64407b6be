package devstack

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNoPostgres says that PostgreSQL's server programs are not on the machine.
var ErrNoPostgres = errors.New("PostgreSQL 15 or newer is not installed: " +
	"run `apt-get install postgresql` (Debian, Ubuntu) or `brew install postgresql@17` (macOS), " +
	"or set DATABASE_URL to a server of your own")

// ErrNoRedis says that redis-server is not on the machine.
var ErrNoRedis = errors.New("redis-server is not installed: " +
	"run `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS), " +
	"or set REDIS_URL to a server of your own")

// places where packages put PostgreSQL's server programs outside of PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // Red Hat, from postgresql.org
	"/opt/homebrew/opt/postgresql@*/bin", // macOS on ARM
	"/usr/local/opt/postgresql@*/bin",    // macOS on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// findPostgres returns the folder that holds initdb and postgres: that of
// initdb in PATH, or the newest version in the usual places.
func findPostgres() (string, error) { return findPostgresIn(places) }

func findPostgresIn(patterns []string) (string, error) {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Often a link; PostgreSQL looks for its other programs beside the real one.
		if target, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if executable(dir, "initdb") && executable(dir, "postgres") {
			return dir, nil
		}
	}
	return "", ErrNoPostgres
}

func executable(dir, name string) bool {
	_, err := exec.LookPath(filepath.Join(dir, name))
	return err == nil
}

var digits = regexp.MustCompile(`\d+`)

// version is the last number in a path such as /usr/lib/postgresql/17/bin.
func version(path string) int {
	all := digits.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return n
}

// RedisServer returns the path of redis-server, or of its twin Valkey; ErrNoRedis if there is neither.
func RedisServer() (string, error) {
	for _, name := range []string{
		"redis-server", "/usr/bin/redis-server", "/opt/homebrew/bin/redis-server", "/usr/local/bin/redis-server",
		"valkey-server", "/usr/bin/valkey-server", "/opt/homebrew/bin/valkey-server",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoRedis
}
