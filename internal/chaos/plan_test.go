package chaos

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// kind is what a fault does.
type kind string

// The kinds of faults.
const (
	killWorker       kind = "kill_worker"
	killAPI          kind = "kill_api"
	killScheduler    kind = "kill_scheduler"
	killPostgres     kind = "kill_postgres"
	killRedis        kind = "kill_redis"
	powerCut         kind = "power_cut" // all of them at once
	stopWorker       kind = "stop_worker"
	stopAPI          kind = "stop_api"
	stopScheduler    kind = "stop_scheduler"
	freezeWorker     kind = "freeze_worker" // past its lease
	flushRedis       kind = "flush_redis"
	restoreRedis     kind = "restore_redis" // from an old copy
	cutPostgres      kind = "cut_postgres"
	cutRedis         kind = "cut_redis"
	cutProviders     kind = "cut_providers"
	slowPostgres     kind = "slow_postgres"
	slowRedis        kind = "slow_redis"
	isolateWorker    kind = "isolate_worker"    // its connections to PostgreSQL pass nothing, past its lease
	silentRedis      kind = "silent_redis"      // a process's connections to Redis pass nothing
	silentProviders  kind = "silent_providers"  // past the time a call has
	providerOutage   kind = "provider_outage"   // it says that it is down
	providerHangUp   kind = "provider_hang_up"  // it closes connections without a word
	providerThrottle kind = "provider_throttle" // it takes a few a second
	providerErrors   kind = "provider_errors"   // transient ones
	slowAnswers      kind = "slow_answers"
	ambiguousAnswers kind = "ambiguous_answers" // accepted, and the connection dropped
	pauseOne         kind = "pause"
	cancelOne        kind = "cancel"
	unsubscribeSome  kind = "unsubscribe"
	shiftClock       kind = "shift_clock" // the database's, against everybody else's
)

// kinds lists every kind, in the order of the source.
func kinds() []kind {
	return []kind{
		killWorker, killAPI, killScheduler, killPostgres, killRedis, powerCut, stopWorker, stopAPI, stopScheduler,
		freezeWorker, flushRedis, restoreRedis, cutPostgres, cutRedis, cutProviders, slowPostgres, slowRedis,
		isolateWorker, silentRedis, silentProviders, providerOutage, providerHangUp, providerThrottle, providerErrors,
		slowAnswers, ambiguousAnswers, pauseOne, cancelOne, unsubscribeSome, shiftClock,
	}
}

// strike is one fault of a plan. What it does not need it has all the same, so that a plan reads alike for all kinds.
type strike struct {
	kind   kind
	after  time.Duration // since the strike before it
	length time.Duration // until it is over, within what its kind wants
	target int           // which process, publication, provider, ...: taken modulo how many there are
	share  float64       // from 0 to 1: how bad it is
}

// The gaps between faults.
const (
	shortestGap = time.Second
	longestGap  = 6 * time.Second
)

// shortKinds are those of the short form: without the ones that open a provider's circuit, which then costs a minute.
func shortKinds() []kind {
	return slices.DeleteFunc(kinds(), func(k kind) bool {
		return slices.Contains([]kind{cutProviders, silentProviders, providerOutage, providerHangUp, ambiguousAnswers}, k)
	})
}

// plan draws the faults of a seed from the kinds: the same each time, and the first of a longer plan are those of a shorter
// one. Every kind comes once before any comes twice.
func plan(seed uint64, faults int, from []kind) []strike {
	chance := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // to be repeated, not secret
	var strikes []strike
	var deck []kind
	for len(strikes) < faults {
		if len(deck) == 0 {
			deck = slices.Clone(from)
			chance.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		strikes = append(strikes, strike{
			kind:   deck[0],
			after:  shortestGap + time.Duration(chance.Int64N(int64(longestGap-shortestGap))),
			length: time.Second + time.Duration(chance.Int64N(int64(5*time.Second))),
			target: chance.IntN(1 << 16),
			share:  chance.Float64(),
		})
		deck = deck[1:]
	}
	return strikes
}

func TestPlan(t *testing.T) {
	t.Parallel()
	all := plan(7, len(kinds()), kinds())
	if !slices.Equal(all, plan(7, len(kinds()), kinds())) {
		t.Error("a seed has two plans")
	}
	if !slices.Equal(all[:9], plan(7, 9, kinds())) {
		t.Error("a shorter plan is not the beginning of a longer one")
	}
	if slices.Equal(all, plan(8, len(kinds()), kinds())) {
		t.Error("two seeds have one plan")
	}
	seen := map[kind]bool{}
	for _, s := range all {
		seen[s.kind] = true
		if s.after < shortestGap || s.after >= longestGap || s.length < time.Second {
			t.Errorf("%+v", s)
		}
	}
	if len(seen) != len(kinds()) {
		t.Errorf("%d of %d kinds came", len(seen), len(kinds()))
	}
}
