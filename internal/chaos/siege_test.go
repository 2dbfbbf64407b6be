package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
)

// siege is a Presswork under random faults: an API, two schedulers and two workers, each with its own ways to
// PostgreSQL and Redis, and one way to the providers that they share. It is driven from one goroutine.
type siege struct {
	*stand
	policy  string // of every channel for uncertain deliveries
	seats   []*seat
	smtp    *link
	web     *link // SES and webhooks
	errands []errand
	audience
	orders   []*order
	messages []*order
	said     time.Time // when the last message was sent
	paused   map[*order]bool
	trouble  map[string]sandbox.Fault // by provider
	latency  time.Duration            // of every provider that has no other trouble
	known    int64                    // deliveries that were owed when PostgreSQL last said
	copies   []string                 // of what Redis had on disk, oldest first
	struck   struct{ senders, timeouts int64 }
	shifted  time.Duration // how far the database's clock went from the others' at most
}

// seat is a place for one process after the other.
type seat struct {
	role     string
	database *link
	redis    *link
	env      []string
	process  *process
}

// errand is something that is done later, and tried until it succeeds.
type errand struct {
	at   time.Time
	what string
	do   func() error
	last error // of the last try
}

// roles are the processes of a siege.
func roles() []string { return []string{"api", "scheduler", "scheduler", "worker", "worker"} }

// newSiege starts everything and has an audience of so many subscribers.
func newSiege(t *testing.T, program, policy string, subscribers int) *siege {
	t.Helper()
	g := &siege{stand: bareStand(t, program), policy: policy, paused: map[*order]bool{}, trouble: map[string]sandbox.Fault{}}
	address := ownAddress(t)
	g.migrate()
	for _, role := range roles() {
		g.seats = append(g.seats, g.newSeat(role, address))
	}
	for _, s := range g.seats {
		g.begin(s)
	}
	g.awaitAPI(address)
	g.smtp = newLink(t, "tcp", g.at.SMTP)
	g.web = newLink(t, "tcp", strings.TrimPrefix(g.at.Base, "http://"))
	ways := sandbox.Addresses{Base: "http://" + g.web.address(), SMTP: g.smtp.address()}
	g.Newsroom = fixture.NewNewsroom(t, fixture.NewAPI(t, "http://"+address), ways)
	g.connect()
	g.template()
	g.gather(subscribers)
	g.unwilling(max(3, subscribers/40))
	return g
}

// migrate makes the schema and gives it a clock that can be shifted, before anybody works with it.
func (g *siege) migrate() {
	p := launch(g.t, g.program, "migrate", environment("127.0.0.1:0", g.stack.DatabaseURL(), g.stack.RedisURL()), "migrate", "up")
	<-p.ended
	if _, err := g.pool.Exec(g.t.Context(), shiftableClock); err != nil {
		g.t.Fatal(err)
	}
}

func (g *siege) newSeat(role, address string) *seat {
	database, err := url.Parse(g.stack.DatabaseURL())
	if err != nil {
		g.t.Fatal(err)
	}
	redis, err := url.Parse(g.stack.RedisURL())
	if err != nil {
		g.t.Fatal(err)
	}
	q := database.Query()
	s := &seat{
		role:     role,
		database: newLink(g.t, "unix", filepath.Join(q.Get("host"), ".s.PGSQL."+q.Get("port"))),
		redis:    newLink(g.t, "tcp", redis.Host),
	}
	database.Host, database.RawQuery = s.database.address(), "sslmode=disable"
	redis.Host = s.redis.address()
	s.env = environment(address, database.String(), redis.String())
	return s
}

// begin puts a process on a seat that has none.
func (g *siege) begin(s *seat) {
	if s.process != nil && s.process.alive() {
		return
	}
	g.started++
	s.process = launch(g.t, g.program, fmt.Sprintf("%s-%d", s.role, g.started), s.env, s.role)
}

// connect makes the channels: e-mail by SMTP, newsletters by SES, and two webhooks.
func (g *siege) connect() {
	settings := func(more map[string]string) map[string]string {
		more[channel.SettingUncertain] = g.policy
		return more
	}
	at := g.Providers
	g.Connect(g.t, "email", "smtp", "mail", settings(map[string]string{}), map[string]string{"url": "smtp://" + at.SMTP})
	g.Connect(g.t, "newsletter", "ses", "letters", settings(map[string]string{"region": "eu-central-1", "endpoint": at.SESEndpoint()}),
		map[string]string{"access_key_id": "made-up-access-key-id", "secret_access_key": "made-up"})
	for _, name := range []string{"north", "south"} {
		g.Connect(g.t, "webhook", "webhook", name, settings(map[string]string{"url": at.WebhookURL(name)}),
			map[string]string{"signing_secrets": at.WebhookSecret(name)})
	}
}

// later does something when the time has come, and again until it succeeds.
func (g *siege) later(after time.Duration, what string, do func() error) {
	g.errands = append(g.errands, errand{at: time.Now().Add(after), what: what, do: do})
}

// run does what is due; at the end of a siege that is everything.
func (g *siege) run(all bool) {
	waiting := g.errands
	g.errands = nil
	for _, e := range waiting {
		if all || time.Now().After(e.at) {
			if e.last = e.do(); e.last == nil {
				continue
			}
		}
		g.errands = append(g.errands, e)
	}
}

// pass lets time pass: errands are done, and the providers keep such a pace that the audience lasts for the rest of the plan.
func (g *siege) pass(span, rest time.Duration) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(span); time.Now().Before(end); <-tick.C {
		g.say()
		g.run(false)
		g.pace(time.Until(end) + rest)
	}
}

// pace has the providers answer so slowly that nearly all that is to be sent takes what is left of the plan.
func (g *siege) pace(left time.Duration) {
	const (
		part             = 0.9
		slowest, fastest = 4 * time.Second, 10 * time.Millisecond
		atOnce           = 4 * connections // two workers, two kinds
	)
	var due int
	for _, o := range g.orders {
		if !o.withdrawn {
			due += len(o.owed)
		}
	}
	missing := part*float64(due) - float64(g.counts().Total().Received)
	latency := slowest
	if missing > 1 {
		latency = min(slowest, time.Duration(float64(left)*atOnce/missing))
	}
	latency = max(fastest, latency)
	if r := latency.Seconds() / max(g.latency.Seconds(), 1e-9); r < 0.8 || r > 1.25 {
		g.latency = latency
		g.refresh()
	}
}

// refresh tells every provider how to behave.
func (g *siege) refresh() {
	for _, provider := range providers() {
		fault := g.trouble[provider]
		if fault.Latency == 0 {
			fault.Latency = g.latency
		}
		g.inject(provider, fault, sandbox.Fault{Latency: g.latency}) // the second for whom the first does not match
	}
}

// owed is how many deliveries are owed now, as far as PostgreSQL says.
func (g *siege) owed() int64 {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Second)
	defer cancel()
	var n int64
	if g.pool.QueryRow(ctx, `SELECT count(*) FROM delivery WHERE state = 0`).Scan(&n) == nil {
		g.known = n
	}
	return g.known
}

// call asks the API once. A refusal is an answer, and logged; an error is that there was none.
func (g *siege) call(method, path string, in, out any, header ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.t.Context()), 3*time.Second)
	defer cancel()
	err := g.Try(ctx, method, path, in, out, header...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	for _, status := range []int{http.StatusBadRequest, http.StatusConflict, http.StatusNotFound, http.StatusUnprocessableEntity} {
		if strings.Contains(err.Error(), fmt.Sprintf(": %d {", status)) {
			g.t.Log(err)
			return nil
		}
	}
	return err
}

// heal ends every fault that is still going on, whatever its time.
func (g *siege) heal() {
	for _, s := range g.seats {
		for _, k := range []*link{s.database, s.redis} {
			k.delay(0)
			k.thaw()
		}
		if s.process.alive() {
			s.process.signal(syscall.SIGCONT)
		}
	}
	g.smtp.thaw()
	g.web.thaw()
	clear(g.trouble)
	g.latency = 5 * time.Millisecond
	g.refresh()
	fixture.Until(g.t, patience, "everything to be as it was", func() (bool, string) {
		g.run(true)
		if len(g.errands) == 0 {
			return true, ""
		}
		return false, fmt.Sprint(g.errands[0].what, ": ", g.errands[0].last)
	})
}

// settle waits until the policy has been asked about everybody who is uncertain, and every publication and message has ended,
// with all digests, or only a cap or the next digest holds back what is left of it, if that may be.
func (g *siege) settle(mayRest bool) {
	fixture.Until(g.t, settlePatience, "every publication to end", func() (bool, string) {
		if n := value[int](g.stand, `SELECT count(*)::int FROM uncertain WHERE due IS NOT NULL`); n > 0 && g.policy == policyResend {
			return false, fmt.Sprint(n, " uncertain")
		}
		for _, o := range slices.Concat(g.orders, g.messages) {
			var p fixture.Progress
			if err := g.call(http.MethodGet, "/publications/"+o.id+"/progress", nil, &p); err != nil {
				return false, err.Error()
			}
			o.state = p.State
			ended := slices.Contains([]string{"completed", "completed_with_failures", "cancelled"}, o.state)
			if !ended && !(mayRest && g.rests(o, p)) {
				return false, o.title + ": " + p.String()
			}
		}
		if n := value[int](g.stand, openDigests); n > 0 {
			return false, fmt.Sprint(n, " digests")
		}
		return true, ""
	})
}
