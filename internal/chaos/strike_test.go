package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/presswork/presswork/internal/sandbox"
)

// overdue is longer than a lease lasts, and than a call to a provider may take.
const overdue = 17 * time.Second

// providers are those that a siege sends to.
func providers() []string {
	return []string{sandbox.ProviderSMTP, sandbox.ProviderSES, sandbox.ProviderWebhook}
}

// shiftableClock puts functions of our own before the database's clock. They read it, and add what a table says.
const shiftableClock = `
CREATE TABLE clock_shift (shift interval NOT NULL);
INSERT INTO clock_shift VALUES ('0');
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + shift FROM public.clock_shift';
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + shift FROM public.clock_shift';
ALTER ROLE presswork IN DATABASE presswork SET search_path = public, pg_catalog`

// strike does what a fault of the plan does, and sees to its end. False means that there was nothing to strike.
func (g *siege) strike(f strike) bool {
	switch f.kind {
	case killWorker, killAPI, killScheduler, stopWorker, stopAPI, stopScheduler, freezeWorker:
		return g.strikeProcess(f)
	case killPostgres, killRedis, powerCut, flushRedis, restoreRedis, shiftClock:
		return g.strikeServer(f)
	case cutPostgres, cutRedis, slowPostgres, slowRedis, isolateWorker, silentRedis, cutProviders, silentProviders:
		g.strikeNetwork(f)
		return true
	case providerOutage, providerHangUp, providerThrottle, providerErrors, slowAnswers, ambiguousAnswers:
		g.strikeProvider(f)
		return true
	case pauseOne, cancelOne, unsubscribeSome:
		return g.strikePublication(f)
	}
	return false
}

// living is a seat of the role whose process lives; nil if none does.
func (g *siege) living(role string, target int) *seat {
	for i := range g.seats {
		s := g.seats[(target+i)%len(g.seats)]
		if s.role == role && s.process.alive() {
			return s
		}
	}
	return nil
}

func (g *siege) strikeProcess(f strike) bool {
	role := map[kind]string{
		killWorker: "worker", stopWorker: "worker", freezeWorker: "worker", killAPI: "api", stopAPI: "api",
		killScheduler: "scheduler", stopScheduler: "scheduler",
	}[f.kind]
	s := g.living(role, f.target)
	if s == nil {
		return false
	}
	switch f.kind {
	case killWorker, killAPI, killScheduler:
		g.kill(s)
		g.later(f.length/2, "start the "+role, func() error { g.begin(s); return nil })
	case freezeWorker:
		frozen := s.process
		frozen.signal(syscall.SIGSTOP)
		g.struck.senders++
		g.struck.timeouts += 3 * connections // its calls run out of time while it stands still
		g.later(overdue+f.length, "let the worker go on", func() error {
			if frozen.alive() {
				frozen.signal(syscall.SIGCONT)
			}
			return nil
		})
	default:
		s.process.signal(syscall.SIGTERM)
		g.later(0, "replace the "+role, func() error {
			if s.process.alive() {
				return fmt.Errorf("the %s has not ended", role)
			}
			g.begin(s)
			return nil
		})
	}
	return true
}

func (g *siege) kill(s *seat) {
	if !s.process.alive() {
		return
	}
	if s.role == "worker" {
		g.struck.senders++
	}
	s.process.kill()
}

func (g *siege) strikeServer(f strike) bool {
	ctx := g.t.Context()
	restartPostgres := func() error { return g.stack.RestartPostgres(ctx) }
	restartRedis := func() error { return g.stack.RestartRedis(ctx) }
	switch f.kind {
	case killPostgres:
		end(g.stack.PostgresPID())
		g.later(f.length, "restart PostgreSQL", restartPostgres)
	case killRedis:
		end(g.stack.RedisPID())
		g.later(f.length, "restart Redis", restartRedis)
	case flushRedis:
		g.later(0, "empty Redis", g.tryFlushall)
	case powerCut:
		for _, s := range g.seats {
			g.kill(s)
			g.later(f.length/2, "start the "+s.role, func() error { g.begin(s); return nil })
		}
		end(g.stack.PostgresPID())
		end(g.stack.RedisPID())
		g.later(f.length, "restart PostgreSQL", restartPostgres)
		g.later(f.length, "restart Redis", restartRedis)
	case restoreRedis:
		if len(g.copies) == 0 {
			return false
		}
		if err := g.stack.RestoreRedis(ctx, g.copies[0]); err != nil {
			g.t.Fatal(err)
		}
	default:
		g.shift(f)
	}
	return true
}

// end is kill -9, also of what is dead already.
func end(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

// shift moves the database's clock by up to 40 s, forwards or back, and later back again. One of the two is a leap ahead, which
// ends every lease.
func (g *siege) shift(f strike) {
	g.struck.senders += 2
	g.shifted = 40 * time.Second
	by := (f.share - 0.5) * 80
	g.later(0, "shift the clock", func() error { return g.setClock(by) })
	g.later(3*f.length, "set the clock right", func() error { return g.setClock(0) })
}

func (g *siege) setClock(seconds float64) error {
	_, err := g.pool.Exec(g.t.Context(), `UPDATE clock_shift SET shift = make_interval(secs => $1)`, seconds)
	return err
}

// keep copies what Redis has on disk, and forgets all but the last few copies.
func (g *siege) keep(number int) {
	const most = 4
	to := filepath.Join(g.t.TempDir(), fmt.Sprint("redis-", number))
	if err := g.stack.CopyRedis(to); err != nil {
		_ = os.RemoveAll(to) // its files changed while they were copied: the next copy will do
		return
	}
	g.copies = append(g.copies, to)
	if len(g.copies) > most {
		_ = os.RemoveAll(g.copies[0]) // the test's folder goes anyway
		g.copies = g.copies[1:]
	}
}

func (g *siege) strikeNetwork(f strike) {
	seats := g.seats
	if f.share < 0.5 {
		seats = []*seat{g.seats[f.target%len(g.seats)]}
	}
	provider := []*link{g.smtp, g.web}[f.target%2]
	switch f.kind {
	case cutProviders:
		provider.cut()
	case silentProviders:
		provider.freeze()
		g.later(10*time.Second+f.length, "let the provider answer", func() error { provider.thaw(); return nil })
	case isolateWorker:
		s := g.workers()[f.target%2]
		g.struck.senders++
		s.database.freeze()
		g.later(overdue+f.length, "let the worker reach PostgreSQL", func() error { s.database.thaw(); return nil })
	default:
		for _, s := range seats {
			g.disturb(s, f)
		}
	}
}

func (g *siege) workers() (list []*seat) {
	for _, s := range g.seats {
		if s.role == "worker" {
			list = append(list, s)
		}
	}
	return list
}

// disturb makes a process's connections to a server bad.
func (g *siege) disturb(s *seat, f strike) {
	way := s.redis
	if f.kind == cutPostgres || f.kind == slowPostgres {
		way = s.database
	}
	switch f.kind {
	case cutPostgres, cutRedis:
		way.cut()
	case silentRedis:
		way.freeze()
		g.later(2*f.length, "let Redis be reached", func() error { way.thaw(); return nil })
	default:
		way.delay(10*time.Millisecond + time.Duration(f.share*float64(200*time.Millisecond)))
		g.later(f.length, "make the network fast", func() error { way.delay(0); return nil })
	}
}

func (g *siege) strikeProvider(f strike) {
	provider := providers()[f.target%len(providers())]
	seed := uint64(f.target) //nolint:gosec // not negative
	// All but the outage meet a part of the recipients: five failures in a row open the provider's circuit for a minute, in
	// which nothing is sent that the next faults could meet.
	fault := map[kind]sandbox.Fault{
		providerOutage:   {Outage: sandbox.Unavailable},
		providerHangUp:   {Outage: sandbox.HangUp, Match: "3@"},
		providerThrottle: {RatePerSecond: 5 + 20*f.share},
		providerErrors:   {ErrorRatio: 0.1 + 0.3*f.share, Seed: seed},
		slowAnswers:      {Latency: 2 * time.Second, Jitter: 5 * time.Second, Seed: seed},
		ambiguousAnswers: {DropRatio: 0.1 + 0.3*f.share, Seed: seed},
	}[f.kind]
	g.trouble[provider] = fault
	g.refresh()
	g.later(f.length, "mend the provider", func() error {
		if g.trouble[provider] == fault { // no other trouble since
			delete(g.trouble, provider)
			g.refresh()
		}
		return nil
	})
}

func (g *siege) strikePublication(f strike) bool {
	switch f.kind {
	case pauseOne:
		o := g.orders[f.target%len(g.orders)]
		if g.paused[o] {
			return false
		}
		g.paused[o] = true
		g.control(0, o, "pause")
		g.later(f.length, "end the pause", func() error {
			if o.id == "" {
				return errors.New("it is not accepted yet")
			}
			g.control(0, o, "resume")
			g.paused[o] = false
			return nil
		})
	case cancelOne:
		o := &order{title: fmt.Sprint("Withdrawn ", len(g.orders)), channels: []string{"email", "newsletter"}, topics: []string{topicStaff}, withdrawn: true}
		g.publish(o)
		g.control(f.length, o, "cancel")
	default:
		for i := range 10 {
			g.leave(g.people[(f.target+i*len(g.people)/10)%len(g.people)])
		}
	}
	return true
}
