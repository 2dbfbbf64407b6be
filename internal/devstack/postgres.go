package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// socketPathMax is what fits into sockaddr_un on macOS, the smaller of the
// systems: 104 bytes with the closing zero (Linux: 108).
const socketPathMax = 103

// postgres is a running PostgreSQL.
type postgres struct {
	process *process
	socket  string // folder of the unix socket
	bin     string // folder of the programs
	home    string // data/, run/ and postgres.log
	who     account
	durable bool
	lock    *os.File
	scratch string // socket folder to remove, if home was too long for a socket
}

// startPostgres starts PostgreSQL on the cluster in f, made on first use, and
// sees to it that the application's role and database are there.
func startPostgres(ctx context.Context, f *folder, o Options) (*postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	home, who, err := postgresHome(f.path, o.Log)
	if err != nil {
		return nil, fmt.Errorf("find a place for its files: %w", err)
	}
	p := &postgres{bin: bin, home: home, who: who, durable: o.Durable, lock: f.lock}
	if err := p.initialise(ctx); err != nil {
		return nil, err
	}
	if err := p.makeSocketFolder(); err != nil {
		return nil, fmt.Errorf("make the socket's folder: %w", err)
	}
	if err := p.launch(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	o.Log("PostgreSQL is ready", "pid", p.process.pid(), "folder", home, "url", p.url("presswork", "presswork"))
	return p, nil
}

func (p *postgres) data() string    { return filepath.Join(p.home, "data") }
func (p *postgres) logFile() string { return filepath.Join(p.home, "postgres.log") }

// initialise makes the cluster if there is none. It is built aside and renamed,
// so that an interrupted initdb leaves nothing that looks like a cluster.
func (p *postgres) initialise(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(p.data(), "PG_VERSION")); err == nil {
		return nil
	}
	building := p.data() + ".new"
	// C.UTF-8 knows the letters of every language and sorts alike everywhere,
	// but macOS may lack it.
	var failures error
	for _, locale := range []string{"--locale=C.UTF-8", "--no-locale"} {
		if err := os.RemoveAll(building); err != nil {
			return err
		}
		err := p.initdb(ctx, building, locale)
		if err == nil {
			return os.Rename(building, p.data())
		}
		failures = errors.Join(failures, err)
	}
	return failures
}

func (p *postgres) initdb(ctx context.Context, dir, locale string) error {
	args := []string{"-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", locale}
	if !p.durable {
		args = append(args, "--no-sync")
	}
	log, err := p.openLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the program wrote to it, not we
	cmd := p.command(ctx, "initdb", args, log)
	initdb, err := launch(cmd, p.who, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := initdb.wait(ctx); err != nil {
		return fmt.Errorf("initdb %s: %w\n%s", locale, err, tail(p.logFile()))
	}
	return nil
}

// command prepares a program that outlives ctx: it is stopped by a signal.
func (p *postgres) command(ctx context.Context, name string, args []string, log *os.File) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(p.bin, name), args...) //nolint:gosec // found by us
	cmd.Dir = p.home
	cmd.Stdout, cmd.Stderr = log, log
	return cmd
}

func (p *postgres) openLog() (*os.File, error) {
	return os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (p *postgres) makeSocketFolder() error {
	p.socket = filepath.Join(p.home, "run")
	if len(filepath.Join(p.socket, ".s.PGSQL.5432")) <= socketPathMax {
		return give(p.socket, p.who)
	}
	var err error
	if p.scratch, err = os.MkdirTemp("/tmp", "presswork-run-"); err != nil {
		return err
	}
	p.socket = p.scratch
	return give(p.socket, p.who)
}

// launch starts the server and waits for its first answer. The server inherits
// the folder's lock. If we die it gets SIGQUIT, its "immediate shutdown": it
// ends its children and frees its shared memory, which SIGKILL would not.
func (p *postgres) launch(ctx context.Context) error {
	log, err := p.openLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the program writes to it, not we
	// We hold the folder's lock, so whatever wrote this is gone. PostgreSQL itself
	// would be misled by another program that has got the old process id.
	if err := os.RemoveAll(filepath.Join(p.data(), "postmaster.pid")); err != nil {
		return err
	}
	cmd := p.command(ctx, "postgres", append([]string{"-D", p.data()}, p.settings()...), log)
	cmd.ExtraFiles = []*os.File{p.lock}
	running, err := launch(cmd, p.who, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	p.process = running
	if err := p.process.ready(ctx, p.ping); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(p.logFile()))
	}
	return nil
}

// stop ends the server: orderly if its data matter, at once if they do not.
func (p *postgres) stop() error {
	if p == nil {
		return nil
	}
	var err error
	if p.process != nil {
		sig := syscall.SIGINT // "fast shutdown": disconnects everybody, then a checkpoint
		if !p.durable {
			sig = syscall.SIGQUIT
		}
		err = p.process.stop(sig)
	}
	if p.scratch != "" {
		err = errors.Join(err, os.RemoveAll(p.scratch))
	}
	return err
}

// url is where role finds database. It names what pgx would else take from
// PGPORT and PGSSLMODE.
func (p *postgres) url(role, database string) string {
	if p == nil {
		return ""
	}
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
	u.RawQuery = url.Values{"host": {p.socket}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()
	return u.String()
}
