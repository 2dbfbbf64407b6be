package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/presswork/presswork/client"
	"github.com/presswork/presswork/internal/devstack"
)

// system is a Presswork of processes, with servers and stand-in providers of its own.
type system struct {
	program  string
	log      io.Writer
	stack    *devstack.Stack
	children []*child // in the order in which they were started
	key      string   // of the API and the operators' listeners
	secret   string
	apiAddr  string
	sandbox  sandboxAddresses
	api      *client.Client
}

// child is one process of ours. ops is its operators' listener, if it has one.
type child struct {
	part    part
	process *devstack.Child
	ops     string
}

// sandboxAddresses is what `presswork sandbox` says of itself.
type sandboxAddresses struct {
	Inbox string `json:"inbox"`
	SES   string `json:"ses"`
	SMTP  string `json:"smtp"` // smtp://host:port
}

// startPatience is how long a process has to become ready.
const startPatience = 60 * time.Second

// startSystem starts everything and returns when all of it can be used. What it starts dies with us.
func startSystem(ctx context.Context, program string, log io.Writer) (*system, error) {
	stack, err := devstack.Start(ctx, devstack.Options{Durable: true, RequireRedis: true})
	if err != nil {
		return nil, fmt.Errorf("start the servers: %w", err)
	}
	s := &system{program: program, log: log, stack: stack, key: rand.Text() + rand.Text(), secret: rand.Text() + rand.Text()}
	if err := s.startChildren(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *system) startChildren(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := s.startSandbox(ctx); err != nil {
		return err
	}
	var err error
	if s.apiAddr, err = freeAddress(ctx); err != nil {
		return err
	}
	s.api = client.New("http://"+s.apiAddr, s.key, client.WithoutRetries())
	for _, p := range []part{api, worker, scheduler} { // the first of them migrates
		if err := s.startRole(ctx, p); err != nil {
			return fmt.Errorf("start the %s: %w", p, err)
		}
	}
	return nil
}

// startSandbox starts the stand-in providers and reads where they are.
func (s *system) startSandbox(ctx context.Context) error {
	cmd := s.command(ctx, "sandbox")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	if _, err := s.launch(sandboxServer, cmd, ""); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the sandbox's addresses: %w", err)
	}
	if err := json.Unmarshal(line, &s.sandbox); err != nil {
		return fmt.Errorf("read the sandbox's addresses: %w", err)
	}
	return nil
}

// startRole starts one of Presswork's roles, with settings that are not the default, and waits until it answers to our
// key: that proves that it is ours and not another program that took the port meanwhile.
func (s *system) startRole(ctx context.Context, p part, settings ...string) error {
	ops, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	cmd := s.command(ctx, string(p))
	cmd.Env = append(cmd.Env,
		"ENVIRONMENT=development", "DATABASE_URL="+s.stack.DatabaseURL(), "REDIS_URL="+s.stack.RedisURL(),
		"SECRET_KEY="+s.secret, "PRESSWORK_API_KEY="+s.key, "PUBLIC_URL=http://"+s.apiAddr,
		"PRESSWORK_LISTEN="+s.apiAddr, "PRESSWORK_OPS_LISTEN="+ops, "PRESSWORK_LOG_LEVEL=warn",
		"PRESSWORK_ALLOW_PRIVATE_WEBHOOKS=true") // the stand-in of SES is on loopback
	cmd.Env = append(cmd.Env, unreached()...)
	cmd.Env = append(cmd.Env, settings...)
	c, err := s.launch(p, cmd, ops)
	if err != nil {
		return err
	}
	return c.ready(ctx, newEndpoint("http://"+ops, s.key))
}

// unreached are limits that count and that nobody reaches: everything comes from one address here.
func unreached() []string {
	var settings []string
	for _, limit := range []string{"ADDRESS", "PRINCIPAL", "TRACKING", "PAGES", "ONE_CLICK", "HOOKS"} {
		settings = append(settings, "PRESSWORK_RATE_"+limit+"=100000000")
	}
	return settings
}

func (s *system) command(ctx context.Context, role string) *exec.Cmd {
	// It is stopped in order and not by the context's end.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.program, role) //nolint:gosec // ourselves
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	cmd.Stderr = s.log
	return cmd
}

func (s *system) launch(p part, cmd *exec.Cmd, ops string) (*child, error) {
	process, err := devstack.StartChild(cmd)
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", p, err)
	}
	c := &child{p, process, ops}
	s.children = append(s.children, c)
	return c, nil
}

// ready waits until the operators' listener, the last to be started, answers.
func (c *child) ready(ctx context.Context, ops *endpoint) error {
	defer ops.close()
	for {
		err := ops.call(ctx, "GET", "/metrics", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-c.process.Done():
			return errors.New("it ended before it was ready")
		default:
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			return err
		}
	}
}

// child is the one that plays a part.
func (s *system) child(p part) *child {
	return s.children[slices.IndexFunc(s.children, func(c *child) bool { return c.part == p })]
}

// end stops every process that plays a part.
func (s *system) end(p part) error {
	var errs []error
	s.children = slices.DeleteFunc(s.children, func(c *child) bool {
		if c.part == p {
			errs = append(errs, c.process.Stop())
		}
		return c.part == p
	})
	return errors.Join(errs...)
}

// stop ends everything in reverse order.
func (s *system) stop() error {
	if s.api != nil {
		s.api.Close()
	}
	var errs []error
	for _, c := range slices.Backward(s.children) {
		if err := c.process.Stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop the %s: %w", c.part, err))
		}
	}
	return errors.Join(append(errs, s.stack.Close())...)
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// wait lets time pass, or returns the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
