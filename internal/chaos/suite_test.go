package chaos

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/program"
)

// What `make chaos` sets; see scripts/chaos.sh.
const (
	seedVariable       = "CHAOS_SEED"
	faultsVariable     = "CHAOS_FAULTS"
	recipientsVariable = "CHAOS_RECIPIENTS"
	policyVariable     = "CHAOS_POLICY"
	reportVariable     = "CHAOS_REPORT" // a file that the report is written to
)

// The policies for uncertain deliveries, as the channels' setting on_uncertain has them.
const (
	policyHold   = "hold"
	policyResend = "resend"
)

// The short form, which every run of the tests has.
const (
	shortFaults     = 5
	shortRecipients = 2000
)

// settlePatience bounds the time from the last fault to the end: a takeover, retries, a circuit breaker that opened, the
// reconciler's patience after a clock went wrong, and with resend the ten minutes that SES has to give evidence.
const settlePatience = 15 * time.Minute

// report is the last line of `make chaos`.
type report struct {
	Seed       uint64       `json:"seed"`
	Faults     int          `json:"faults"`
	Effective  int          `json:"faults_effective"` // struck while deliveries were owed
	Kinds      map[kind]int `json:"kinds"`
	Recipients int          `json:"recipients"` // deliveries that are owed: recipients of each publication and channel
	Lost       int          `json:"lost"`
	Doubled    int          `json:"doubled"`
	Denied     int          `json:"denied"`    // arrived, though the ledger says that they were not sent
	Strangers  int          `json:"strangers"` // arrived, though not owed
	Uncertain  int          `json:"uncertain"`
	Bound      int          `json:"uncertain_bound"`
	Settled    float64      `json:"settled_after_s"` // after the end of the last fault
	// What stands behind these.
	Policy       string `json:"policy"`
	Publications int    `json:"publications"`
	Received     int    `json:"received"`
	Dead         int    `json:"dead_letters"`
	Skipped      int    `json:"skipped"`
	Messages     int    `json:"messages"`
	Held         int    `json:"held"`              // put off at some time
	Early        int    `json:"early"`             // arrived before their reader's window opened
	OverCap      int    `json:"over_cap"`          // readers who got more than their cap
	Digests      int    `json:"digests"`           // that came, each to one reader
	Senders      int    `json:"sender_kills"`      // killed, or cut off until they were taken over
	Ambiguous    int    `json:"ambiguous_answers"` // calls that may have ended without an answer
	NoAnswer     int    `json:"uncertain_no_answer"`
	Resent       int    `json:"resent"` // were uncertain, and sent again
	Copies       int    `json:"second_copies"`
}

// TestSiege strikes with random faults while several publications are under way, and then compares what the receivers
// saw with what was owed. The faults follow from the seed; what they meet depends on the machine.
func TestSiege(t *testing.T) {
	t.Parallel()
	seed := uint64(number(t, seedVariable, int(time.Now().UnixNano()%1_000_000)))
	faults, recipients := number(t, faultsVariable, shortFaults), number(t, recipientsVariable, shortRecipients)
	t.Logf("seed %d, %d faults, %d recipients", seed, faults, recipients)
	policy := cmp.Or(os.Getenv(policyVariable), policyHold)
	g := newSiege(t, program.Build(t), policy, recipients/4)
	from := kinds()
	if os.Getenv(seedVariable) == "" {
		from = shortKinds()
	}
	strikes := plan(seed, faults, from)
	r := report{Seed: seed, Faults: faults, Kinds: map[kind]int{}, Policy: policy}
	g.open(restOf(strikes))
	for i, f := range strikes {
		g.pass(f.after, restOf(strikes[i+1:]))
		g.during(i, faults)
		owed := g.owed()
		struck := g.strike(f)
		t.Logf("%d of %d: %s for %s at %d (%.2f), %d owed, struck: %t", i+1, faults, f.kind, f.length.Round(time.Millisecond), f.target, f.share, owed, struck)
		r.Kinds[f.kind]++
		if struck && owed > 0 {
			r.Effective++
		}
	}
	g.pass(time.Second, 0)
	g.heal()
	healed := time.Now()
	g.settle(true)
	r.Settled = time.Since(healed).Round(100 * time.Millisecond).Seconds()
	g.pastHolds(&r)
	g.settle(false)
	g.judge(&r)
}

// number reads a setting.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number of at least 1", name, text)
	}
	return n
}

func restOf(strikes []strike) (rest time.Duration) {
	for _, f := range strikes {
		rest += f.after
	}
	return rest
}

// open hands the first publications in, and waits until the faults find something to strike.
func (g *siege) open(siege time.Duration) {
	g.rest(siege)
	g.latency = time.Second
	g.refresh()
	g.publish(&order{title: "Everybody", channels: []string{"email", "newsletter"}})
	g.publish(&order{title: "News", channels: []string{"email", "webhook"}, topics: []string{topicNews}})
	g.publish(&order{title: "At night", channels: []string{"email"}, topics: []string{topicNight}})
	g.capped("Capped", "email", "newsletter")
	g.publish(&order{title: "Daily", channels: []string{"email"}, topics: []string{topicDaily}})
	fixture.Until(g.t, patience, "sending to begin", func() (bool, string) {
		g.run(false)
		return g.counts().Total().Received > 0, ""
	})
}

// during hands further publications in between the faults: large ones to be in fan-out when something strikes, and now
// and then an urgent one.
func (g *siege) during(number, faults int) {
	g.keep(number)
	switch number {
	case faults / 3:
		g.capped("Capped again", "newsletter")
		g.publish(&order{title: "Staff", channels: []string{"newsletter"}, topics: []string{topicStaff}})
	case faults / 2:
		g.capped("Capped for the third time", "email", "newsletter")
		g.publish(&order{title: "Everybody again", channels: []string{"newsletter"}})
	}
	if number%5 == 2 {
		g.publish(&order{title: fmt.Sprint("Urgent ", number), channels: []string{"email", "newsletter", "webhook"},
			topics: []string{topicCrew}, priority: "high"})
	}
}

// judge closes the account, writes the report, and fails the test if something is wrong.
func (g *siege) judge(r *report) {
	b := g.read()
	g.number()
	orders := slices.Concat(g.orders, g.messages)
	a := reckon(orders, b, g.policy == policyResend)
	early, astray := g.early(b), g.astray(b)
	for _, o := range orders {
		r.Recipients += len(o.owed)
	}
	r.Publications, r.Messages, r.Early = len(g.orders), len(g.messages), len(early)
	r.Digests = b.together()
	r.Held = value[int](g.stand, `SELECT count(*)::int FROM delivery_attempt WHERE state = 1`)
	g.count(r, a, b)
	const shown = 20
	wrong := slices.Concat(a.wrong(), early, astray)
	for _, id := range wrong[:min(shown, len(wrong))] {
		g.t.Log(b.timeline(id))
	}
	if !a.closed() || len(astray) > 0 {
		g.t.Errorf("%d lost, %d doubled, %d denied, %d strangers, %d astray", r.Lost, r.Doubled, r.Denied, r.Strangers, len(astray))
	}
	if r.Early > 0 || r.Held == 0 {
		g.t.Errorf("%d were put off, and %d came before their time", r.Held, r.Early)
	}
	if r.Digests == 0 {
		g.t.Error("nobody got a digest of what was held back")
	}
	g.judgeUncertain(r, a)
	least := 95 // of a hundred; a few faults may be less lucky
	if r.Faults < 20 {
		least = 50
	}
	if r.Effective*100 < r.Faults*least {
		g.t.Errorf("only %d of %d faults struck while something was owed", r.Effective, r.Faults)
	}
	g.write(r)
}

// count fills the report in from the account and the books.
func (g *siege) count(r *report, a account, b books) {
	r.Received, r.Dead, r.Skipped = a.received, a.dead, a.skipped
	r.Lost, r.Doubled, r.Denied, r.Strangers = len(a.lost), len(a.doubled), len(a.denied), len(a.strangers)
	r.Uncertain, r.NoAnswer, r.Senders = a.uncertain+a.uncounted, a.uncounted, int(g.struck.senders)
	r.Ambiguous = int(g.struck.timeouts + g.smtp.hazards.Load() + g.web.hazards.Load())
	for _, e := range g.journal() {
		if e.Fate != sandbox.Accepted {
			r.Ambiguous++
		}
	}
	for _, seen := range b.arrivals {
		r.Copies += len(seen) - 1
	}
	for _, said := range b.ledger {
		if said.Resent {
			r.Resent++
		}
	}
}

// judgeUncertain fails the test if more are uncertain, or were sent to twice, than may be.
func (g *siege) judgeUncertain(r *report, a account) {
	killed := r.Senders * 3 * listed // e-mail, newsletters and webhooks have connections of their own
	r.Bound = killed + r.Ambiguous
	if a.uncertain > killed || a.uncounted > r.Ambiguous {
		g.t.Errorf("uncertain: %d after %d kills, at most %d may be; %d without an answer, at most %d may be",
			a.uncertain, r.Senders, killed, a.uncounted, r.Ambiguous)
	}
	if r.Copies > r.Resent {
		g.t.Errorf("%d second copies for %d who were sent to again", r.Copies, r.Resent)
	}
}

func (g *siege) write(r *report) {
	line, err := json.Marshal(r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Log(string(line))
	if path := os.Getenv(reportVariable); path != "" {
		if err := os.WriteFile(path, slices.Concat(line, []byte("\n")), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
}
