package budget

import (
	"fmt"
	"strconv"
	"time"

	"github.com/presswork/presswork/internal/channel"
)

// spec is what is configured of a target.
type spec struct {
	key string
	// version is that of the channel's settings: each has a circuit of its own.
	version int
	// patient targets are tried again over days (backoff.Webhook): what probes a circuit is an attempt like any other.
	patient bool
	// name is the channel's, for metrics and messages; empty: a publication's.
	name string
	// rate: what the channel says, else what is known of its provider; the quota, if one is known, goes between.
	rate     channel.Rate
	explicit bool
	perDay   func(time.Time) int
	breaks   bool
}

func channelKey(id int64) string { return fmt.Sprintf("c%d", id) }

func (b *Budget) specOf(c channel.Channel) spec {
	limits := c.Limits()
	s := spec{key: channelKey(c.ID), version: c.Version, patient: c.Kind == channel.Webhook, name: c.Name, perDay: limits.PerDay, breaks: true, rate: b.options.DefaultRate(c.Provider)}
	if limits.PerSecond > 0 {
		s.rate.PerSecond, s.explicit = limits.PerSecond, true
	}
	return s
}

// publicationSpec has a bucket of ten seconds: a slow publication's batches come back every few seconds, and then find
// what they may send in one go.
func publicationSpec(id int64, kind channel.Kind, perMinute int) spec {
	return spec{key: fmt.Sprintf("p%d.%d", id, kind.ID()), explicit: true,
		rate: channel.Rate{PerSecond: float64(perMinute) / 60, Burst: max(1, float64(perMinute)/6)}, perDay: func(time.Time) int { return 0 }}
}

// ceiling is the most a second: the channel's own setting, else the provider's quota, else what is known of the
// provider, else 0: not known.
func (s spec) ceiling(quota float64) float64 {
	if !s.explicit && quota > 0 {
		return quota
	}
	return s.rate.PerSecond
}

// redisKeys of a target: both have one hash tag, so that a script may use them in a Cluster.
func redisKeys(key string) []string {
	base := "presswork:target:{" + key + "}"
	return []string{base, base + ":workers"}
}

// circuitKeys are those of a target and of the circuit of one version of its settings. Who still works with older settings
// counts for those, and opens nobody else's circuit.
func circuitKeys(key string, version int) []string {
	base := redisKeys(key)[0]
	return []string{base, base + ":circuit:" + strconv.Itoa(version)}
}
