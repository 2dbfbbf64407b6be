package redistest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// masterName is what the Sentinel calls the server that it watches.
const masterName = "queue"

// Sentinel starts a master, a replica and a Sentinel that watches them, and returns their redis-sentinel:// URL and how
// to kill the master: the Sentinel then makes the replica the master. All are stopped when the test ends.
func Sentinel(t testing.TB) (address string, killMaster func()) {
	t.Helper()
	common := []string{"--bind", "127.0.0.1", "--requirepass", password, "--masterauth", password, "--save", "",
		"--repl-diskless-sync-delay", "0", "--maxmemory-policy", "noeviction"}
	master := startServer(t, func(port int) []string { return append(common[:len(common):len(common)], "--port", strconv.Itoa(port)) })
	replica := startServer(t, func(port int) []string {
		return append(common[:len(common):len(common)], "--port", strconv.Itoa(port), "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	})
	until(t, "the replica", func() bool {
		info, err := replica.client.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	sentinel := startServer(t, func(port int) []string { return []string{watcher(t, port, master.port), "--sentinel"} })
	until(t, "the Sentinel to know the replica", func() bool {
		replicas, err := sentinel.client.Do(t.Context(), "SENTINEL", "REPLICAS", masterName).Slice()
		return err == nil && len(replicas) == 1 && strings.Contains(fmt.Sprint(replicas[0]), "master-link-status:ok")
	})
	query := url.Values{"master_name": {masterName}, "password": {password}}
	u := url.URL{Scheme: "redis-sentinel", User: url.UserPassword("", password), Host: sentinel.address(), Path: "/0", RawQuery: query.Encode()}
	return u.String(), func() {
		if err := syscall.Kill(master.child.PID(), syscall.SIGKILL); err != nil {
			t.Errorf("kill the master: %v", err)
		}
		<-master.child.Done()
	}
}

// watcher writes the file of a Sentinel, which changes it as it goes. It is quick to believe that a server is gone.
func watcher(t testing.TB, port, master int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf(`bind 127.0.0.1
port %d
requirepass %s
sentinel monitor %s 127.0.0.1 %d 1
sentinel auth-pass %s %s
sentinel down-after-milliseconds %s 500
sentinel failover-timeout %s 4000
`, port, password, masterName, master, masterName, password, masterName, masterName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
