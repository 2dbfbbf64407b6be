package devstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// databases is how many numbered databases Redis offers: one for each of many
// tests running at once.
const databases = 512

// redisServer is a running redis-server.
type redisServer struct {
	process  *process
	program  string
	lock     *os.File
	durable  bool
	dir      string
	port     int
	password string
}

// startRedis starts redis-server on its files in f. A port that was free may
// be taken by the time the server wants it, so it tries a few.
func startRedis(ctx context.Context, program string, f *folder, o Options) (*redisServer, error) {
	dir := filepath.Join(f.path, "redis")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &redisServer{program: program, lock: f.lock, durable: o.Durable, dir: dir, password: rand.Text()}
	for attempt := 1; ; attempt++ {
		var err error
		if r.port, err = freePort(ctx); err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		if err = r.launch(ctx); err == nil {
			o.Log("Redis is ready", "pid", r.process.pid(), "folder", dir, "port", r.port)
			return r, nil
		}
		err = errors.Join(err, r.stop())
		if attempt == 3 || ctx.Err() != nil || !errors.Is(err, errEnded) {
			return nil, err
		}
	}
}

func (r *redisServer) logFile() string { return filepath.Join(r.dir, "redis.log") }

// appended is the folder of its append-only files, by Redis's default name.
func (r *redisServer) appended() string { return filepath.Join(r.dir, "appendonlydir") }

// launch starts the server and waits for its first answer. The server inherits
// the folder's lock.
func (r *redisServer) launch(ctx context.Context) error {
	conf := filepath.Join(r.dir, "redis.conf")
	if err := os.WriteFile(conf, []byte(r.settings()), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.program, conf) //nolint:gosec // found by us
	cmd.Dir = r.dir
	cmd.ExtraFiles = []*os.File{r.lock}
	// Its data are an append-only file, safe at any moment: if we die it goes at once.
	running, err := launch(cmd, account{uid: os.Getuid()}, syscall.SIGKILL)
	if err != nil {
		return err
	}
	r.process = running
	if err := r.process.ready(ctx, r.ping); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(r.logFile()))
	}
	return nil
}

// settings is the configuration file. The password is there and not among the
// arguments because everybody can read those.
func (r *redisServer) settings() string {
	lines := []string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(r.port),
		"requirepass " + r.password,
		"databases " + strconv.Itoa(databases),
		"logfile redis.log",
		"maxmemory-policy noeviction",
		`save ""`,
	}
	if r.durable {
		lines = append(lines, "appendonly yes", "appendfsync everysec")
	} else {
		lines = append(lines, "appendonly no")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (r *redisServer) ping(ctx context.Context) error {
	opts, err := redis.ParseURL(r.url())
	if err != nil {
		return err
	}
	opts.MaxRetries = -1
	client := redis.NewClient(opts)
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}

func (r *redisServer) url() string {
	if r == nil {
		return ""
	}
	host := net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
	u := url.URL{Scheme: "redis", User: url.UserPassword("", r.password), Host: host, Path: "/0"}
	return u.String()
}

func (r *redisServer) stop() error {
	if r == nil || r.process == nil {
		return nil
	}
	return r.process.stop(syscall.SIGTERM)
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	n, err := strconv.Atoi(port)
	return n, errors.Join(err, l.Close())
}
