package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/devstack"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/telemetry"
)

// Stage is everything the demo plays on: private servers, the sandbox, the API and the scheduler in this process,
// and a worker in one of its own, which may be killed.
type Stage struct {
	Sandbox *sandbox.Sandbox
	app     *app.App
	worker  *understudy
	stop    func() error // the private servers
	log     *zap.Logger
}

// StageOptions say how the demo is staged.
type StageOptions struct {
	// Latency is how long the sandbox takes to answer each message; 0: no time. With it a worker has only ten
	// e-mails, and ten newsletters, under way at once: a thousand take a hundred times as long, and few are
	// uncertain when it is killed.
	Latency time.Duration
	// Out is told when the worker died and another one took its place.
	Out io.Writer
}

// inbox is where the sandbox is, if nobody else is there: the same address in every run.
const inbox = "127.0.0.1:8025"

// Open starts everything. Settings come from the environment, but for what makes it a demo: the data folder is
// .presswork/demo, what runs listens on this machine only, and the log goes to a file in that folder.
func Open(ctx context.Context, o StageOptions) (*Stage, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	if o.Latency > 0 {
		// Few batches at once, since the counts move when one is done.
		c.Connections, c.BulkSlots = 10, 4
	}
	logFile := filepath.Join(c.DataDir, "presswork.log")
	s := &Stage{stop: func() error { return nil }}
	if s.log, err = telemetry.NewLogger(c.LogLevel, logFile); err != nil {
		return nil, err
	}
	if err := s.start(ctx, c, o, logFile); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func settings() (*config.Config, error) {
	c, err := config.Load(os.Environ())
	if err != nil {
		return nil, err
	}
	if c.Production() {
		return nil, errors.New("the demo sends invented news to invented people: it does not run with ENVIRONMENT=production or a DATABASE_URL")
	}
	if c.DataDir == "" {
		c.DataDir = filepath.Join(".presswork", "demo")
	}
	if c.Listen == ":8080" {
		c.Listen = "127.0.0.1:8080"
	}
	if c.OpsListen == ":9090" {
		c.OpsListen = "127.0.0.1:9090"
	}
	c.Reachable = append(c.Reachable, netip.MustParsePrefix("127.0.0.0/8")) // where the sandbox is
	if err := os.MkdirAll(c.DataDir, devstack.FolderMode()); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return c, nil
}

func (s *Stage) start(ctx context.Context, c *config.Config, o StageOptions, logFile string) error {
	var err error
	if s.stop, err = app.Embed(ctx, c, s.log); err != nil {
		return err
	}
	if s.Sandbox, err = openSandbox(context.WithoutCancel(ctx), o.Latency); err != nil {
		return err
	}
	if s.app, err = app.New(ctx, c, s.log, app.API, app.Scheduler); err != nil {
		return err
	}
	if err := s.app.Start(ctx); err != nil {
		s.app = nil // it has stopped itself
		return err
	}
	s.worker, err = newUnderstudy(c, logFile, o.Out)
	return err
}

func openSandbox(ctx context.Context, latency time.Duration) (*sandbox.Sandbox, error) {
	s, err := sandbox.Start(ctx, sandbox.Options{Addr: inbox})
	if err != nil { // in use, most likely
		s, err = sandbox.Start(ctx, sandbox.Options{})
	}
	if err != nil || latency == 0 {
		return s, err
	}
	for _, provider := range sandbox.Providers() {
		err = errors.Join(err, s.Inject(provider, sandbox.Fault{Latency: latency}))
	}
	return s, err
}

// API is the address of the API, and its key.
func (s *Stage) API() (address, key string) { return s.app.APIURL, s.app.Config.APIKey }

// Invite writes what to do while the messages arrive.
func (s *Stage) Invite(out io.Writer) error {
	_, err := fmt.Fprintf(out, `
  Watch them arrive   %s
  Kill the worker     kill -9 %d    (another one takes its place)

`, s.Sandbox.URL(), s.worker.pid())
	if err != nil {
		return fmt.Errorf("write the invitation: %w", err)
	}
	return nil
}

// Addresses writes where to look.
func (s *Stage) Addresses(out io.Writer) error {
	_, err := fmt.Fprintf(out, `
  Inbox      %s
  Archive    %s/p/archive  the newsletters that were sent, and their Atom feed
  Brand      %s/p/subscribe?brand=%s  its form to sign up, and %s/p/archive?brand=%s
  API        %s/api/v1
  Asynqmon   %s/queues     any user name; the key is the password
  Metrics    %s/metrics    the same
  API key    %s
  Log        %s
`, s.Sandbox.URL(), s.app.APIURL, s.app.APIURL, slug, s.app.APIURL, slug, s.app.APIURL, s.app.OpsURL, s.app.OpsURL, s.app.Config.APIKey,
		filepath.Join(s.app.Config.DataDir, "presswork.log"))
	if err != nil {
		return fmt.Errorf("write the addresses: %w", err)
	}
	return nil
}

// Close stops everything in reverse order. It may be called on a stage that was not started whole.
func (s *Stage) Close() error {
	var errs []error
	if s.worker != nil {
		errs = append(errs, s.worker.close())
	}
	if s.app != nil {
		errs = append(errs, s.app.Close())
	}
	if s.Sandbox != nil {
		errs = append(errs, s.Sandbox.Close())
	}
	errs = append(errs, s.stop())
	_ = s.log.Sync()
	return errors.Join(errs...)
}
