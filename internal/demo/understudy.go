package demo

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/devstack"
)

// understudy keeps one worker process running: when it dies, another takes its place.
type understudy struct {
	command func() *exec.Cmd
	out     io.Writer
	log     *os.File
	closing chan struct{}
	ended   chan struct{}

	mu     sync.Mutex
	worker *devstack.Child
}

// restartPause is long enough to see that the worker is gone.
const restartPause = 2 * time.Second

func newUnderstudy(c *config.Config, logFile string, out io.Writer) (*understudy, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	log, err := os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // in the data folder
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	u := &understudy{out: out, log: log, closing: make(chan struct{}), ended: make(chan struct{})}
	u.command = func() *exec.Cmd {
		cmd := exec.Command(self, "worker") //nolint:noctx // this program; it is stopped, not killed, at the end
		cmd.Env = workerEnvironment(c)
		cmd.Stdout, cmd.Stderr = log, log
		return cmd
	}
	if u.worker, err = devstack.StartChild(u.command()); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	go u.watch()
	return u, nil
}

// workerEnvironment hands the worker the settings that this process made up.
func workerEnvironment(c *config.Config) []string {
	return []string{
		"ENVIRONMENT=development", "DATABASE_URL=" + c.DatabaseURL, "REDIS_URL=" + c.RedisURL, "SECRET_KEY=" + c.SecretKey,
		"PRESSWORK_API_KEY=" + c.APIKey, "PUBLIC_URL=" + c.PublicURL, "PRESSWORK_OPS_LISTEN=127.0.0.1:0",
		"PRESSWORK_ALLOWED_NETWORKS=" + joined(c.Reachable), "PRESSWORK_LOG_LEVEL=" + c.LogLevel,
		"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=" + strconv.FormatBool(c.AllowPrivate),
		"PRESSWORK_CONTENT_ELEMENTS=" + strings.Join(c.ContentElements, ","),
		"PRESSWORK_CONNECTIONS=" + strconv.Itoa(c.Connections), "PRESSWORK_BULK_SLOTS=" + strconv.Itoa(c.BulkSlots),
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
	}
}

// joined are networks as a setting has them.
func joined(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ",")
}

func (u *understudy) watch() {
	defer close(u.ended)
	for {
		gone := u.current()
		select {
		case <-u.closing:
			return
		case <-gone.Done():
		}
		_, _ = fmt.Fprintf(u.out, "The worker (process %d) is gone; another one starts in %s. What it was sending just then is settled\n"+
			"in some 15 seconds, when its lease has run out.\n", gone.PID(), restartPause)
		select {
		case <-u.closing:
			return
		case <-time.After(restartPause):
		}
		if next, err := devstack.StartChild(u.command()); err != nil {
			_, _ = fmt.Fprintf(u.out, "No other worker could be started: %v\n", err)
		} else {
			u.mu.Lock()
			u.worker = next
			u.mu.Unlock()
			_, _ = fmt.Fprintf(u.out, "The worker is now process %d.\n", next.PID())
		}
	}
}

func (u *understudy) current() *devstack.Child {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.worker
}

func (u *understudy) pid() int { return u.current().PID() }

func (u *understudy) close() error {
	close(u.closing)
	<-u.ended
	err := u.current().Stop()
	if closeErr := u.log.Close(); err == nil && closeErr != nil {
		return fmt.Errorf("close the log: %w", closeErr)
	}
	return err
}
