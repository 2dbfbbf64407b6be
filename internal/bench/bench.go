// Package bench measures Presswork as it runs: every role is a process of its own, PostgreSQL and Redis are
// private servers with their durability on, and the stand-in providers share the machine. Each benchmark starts
// from an empty system, so that its figures do not depend on what was measured before it.
//
// A line of output is one benchmark. Its cpu_us is the CPU time that the worker, PostgreSQL and Redis used
// together for one unit (a message, a publication); what the other processes used, the stand-in providers and the
// benchmark itself among them, stands beside it and is not in the sum. Its limit is what the same machine does in
// the same run when the same work is done without Presswork.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of Run.
type Options struct {
	// Only is the name of one benchmark; "" is all of them.
	Only string
	// Program is the presswork program that is measured; "" is the running one.
	Program string
	// Profiles is a folder for CPU profiles of the worker, one for each run of an e-mail benchmark; "" is none.
	// Taking one costs a few percent.
	Profiles string
	// BulkReaders is how many readers the bulk run of urgent.p99 has; 0 is 500,000.
	BulkReaders int
	// Out gets a JSON object a line, Log what a person may want to follow.
	Out, Log io.Writer

	size size // tests make it small
}

// size is how much is measured.
type size struct {
	runs     int           // of which the best counts
	mails    int           // of one e-mail run
	warm     time.Duration // of a load before it is measured, and of that of message.first
	load     time.Duration // of a measured load
	clients  int           // of a load
	audience int           // of start.first
	starts   int           // of start.first and of message.first
	idle     time.Duration // before start.first
	pause    time.Duration // between its runs
	urgent   int           // publications of urgent.p99
	budgeted time.Duration // of its part under a budget
	shared   int           // mails of workers.scale
	calls    int           // mails of an email.ses run
	few      int           // readers of memory's first run
	many     int           // readers of its second
	backlog  int           // readers of reconcile
	delay    time.Duration // of the stand-in in reconcile
	searches int           // of subscriber.search
	counts   int           // of segment.count_1m
	lines    int           // of a file of subscriber.import
	steady   time.Duration // without a break, after which sending has gone on
	pairs    int           // of runs of eligibility
}

func fullSize() size {
	return size{
		runs: 3, mails: 100_000, warm: 2 * time.Second, load: 8 * time.Second, clients: 64,
		audience: 1000, starts: 30, idle: 10 * time.Second, pause: time.Second,
		urgent: 50, budgeted: 150 * time.Second, shared: 16_000,
		calls: 30_000, few: 10_000, many: 1_000_000,
		// Longer than a worker may hold what it has in hand: only then the loss shows.
		searches: 1000, counts: 20, lines: 70_000, pairs: 8,
		backlog: 1_200_000, delay: latency, steady: 8 * time.Second,
	}
}

// benchmark is one line of the output, or several with names of their own that begin with its name.
type benchmark struct {
	name string
	run  func(ctx context.Context, r *runner, s *system) ([]Line, error)
}

// line makes a benchmark of one line.
func line(name string, run func(ctx context.Context, r *runner, s *system) (Line, error)) benchmark {
	return benchmark{name, func(ctx context.Context, r *runner, s *system) ([]Line, error) {
		l, err := run(ctx, r, s)
		l.Name = name
		return []Line{l}, err
	}}
}

func benchmarks() []benchmark {
	return []benchmark{
		line("api.publish", publishScheduled),
		line("api.publish.queued", publishQueued),
		line("email.smtp", mailFast),
		line("email.latency20", mailSlow),
		line("email.ses", mailSES),
		line("eligibility", eligibilityCost),
		line("start.first", startFirst),
		{"message.first", messages},
		{"urgent.p99", urgent},
		line("workers.scale", scale),
		line("memory", memory),
		line("reconcile", reconcile),
		line("subscriber.search", subscriberSearch),
		line("subscriber.import", subscriberImport),
		line("segment.count_1m", segmentCount),
		line("segment.read", segmentRead),
	}
}

// Names is every benchmark, in the order in which they run.
func Names() []string {
	var names []string
	for _, b := range benchmarks() {
		names = append(names, b.name)
	}
	return names
}

// runner is one call of Run.
type runner struct {
	Options
	name string // of the benchmark that runs
}

func (r *runner) logf(format string, args ...any) {
	fmt.Fprintf(r.Log, "%s: "+format+"\n", append([]any{r.name}, args...)...)
}

// lockedWriter is for several at once: we and our children write to the log.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write is io.Writer's; one line at a time.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// Run measures and writes a line for each benchmark as soon as it is there. It takes some minutes; when ctx ends,
// what was started is stopped and the context's error returned.
func Run(ctx context.Context, o Options) error {
	r := &runner{Options: o}
	if r.size == (size{}) {
		r.size = fullSize()
	}
	if r.BulkReaders == 0 {
		r.BulkReaders = 500_000
	}
	if r.Log == nil {
		r.Log = io.Discard
	}
	r.Log = &lockedWriter{to: r.Log}
	if r.Program == "" {
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find the running program: %w", err)
		}
		r.Program = program
	}
	if o.Only != "" && !slices.Contains(Names(), o.Only) {
		return fmt.Errorf("no benchmark is called %q; there are %s", o.Only, strings.Join(Names(), ", "))
	}
	if o.Profiles != "" {
		if err := os.MkdirAll(o.Profiles, 0o750); err != nil {
			return fmt.Errorf("make the folder for profiles: %w", err)
		}
	}
	for _, b := range benchmarks() {
		if o.Only != "" && b.name != o.Only {
			continue
		}
		r.name = b.name
		lines, err := r.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		for i := range lines {
			if err := json.NewEncoder(o.Out).Encode(lines[i]); err != nil {
				return fmt.Errorf("%s: write the line: %w", b.name, err)
			}
		}
	}
	return nil
}

// measure runs one benchmark on a system of its own.
func (r *runner) measure(ctx context.Context, b benchmark) (lines []Line, err error) {
	r.logf("starting PostgreSQL, Redis, the sandbox and the roles")
	s, err := startSystem(ctx, r.Program, r.Log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if lines, err = b.run(ctx, r, s); err != nil {
		return nil, err
	}
	settings, err := s.settings(ctx)
	for i := range lines {
		lines[i].Settings = settings
	}
	return lines, err
}
