package bench

import (
	"slices"
	"time"

	"github.com/presswork/presswork/internal/postgres/bare"
)

// Line is one benchmark's outcome. Rates are per second, times in ms.
type Line struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"` // the best run's
	Unit  string  `json:"unit"`
	// Runs are the values of all runs, Spread the distance of the best and the worst in percent of the best.
	Runs   []float64 `json:"runs,omitempty"`
	Spread *float64  `json:"spread_percent,omitempty"`
	*Latency
	*Cost
	*Limit
	*Memory
	*Recovery
	*Parts
	// Bytes is the size of one message as the provider got it.
	Bytes    int      `json:"bytes_per_message,omitempty"`
	Note     string   `json:"note,omitempty"`
	Settings Settings `json:"settings"`
}

// Latency is how long single requests took.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// Cost is what one unit took of the machine: microseconds of CPU, in user and kernel mode.
type Cost struct {
	Sum      float64 `json:"cpu_us"` // worker, PostgreSQL and Redis
	Worker   float64 `json:"cpu_us_worker"`
	Postgres float64 `json:"cpu_us_postgres"`
	Redis    float64 `json:"cpu_us_redis"`
	// The others are not in the sum.
	API       float64 `json:"cpu_us_api"`
	Scheduler float64 `json:"cpu_us_scheduler"`
	Sandbox   float64 `json:"cpu_us_sandbox"`
	Bench     float64 `json:"cpu_us_bench"`
	// RSS is the most memory that the worker, the api or the scheduler held at any moment of any run, in MiB;
	// Largest says which of them.
	RSS     float64 `json:"rss_mb"`
	Largest string  `json:"rss_process"`
}

// Limit is what the machine does in the same run without Presswork, in the unit of the line.
type Limit struct {
	Value float64 `json:"limit"`
	Work  string  `json:"limit_work"` // what was done
}

// Settings say under which conditions the line was measured.
type Settings struct {
	bare.Durability
	// Disk is whether the data folder lies on a disk and not in memory.
	Disk  bool   `json:"on_disk"`
	Redis string `json:"redis"`
	Cores int    `json:"cores"`
}

// run is one of a benchmark's runs.
type run struct {
	units     int
	took      time.Duration
	latencies []time.Duration // of requests, if they were timed
	used      usage
}

func (r run) rate() float64 { return float64(r.units) / r.took.Seconds() }

// newLine makes a line of runs that are compared by their rate: the best one's.
func newLine(unit string, runs []run) Line {
	best := slices.MaxFunc(runs, func(a, b run) int {
		if a.rate() < b.rate() {
			return -1
		}
		return 1
	})
	line := Line{Value: rounded(best.rate(), 1), Unit: unit}
	for _, r := range runs {
		line.Runs = append(line.Runs, rounded(r.rate(), 1))
	}
	apart := spread(line.Runs)
	line.Spread = &apart
	if len(best.latencies) > 0 {
		line.Latency = newLatency(best.latencies)
	}
	line.Cost = newCost(best)
	for _, r := range runs {
		line.Cost.hold(r.used)
	}
	return line
}

// newCost divides what was used among the units; nil if it could not be measured.
func newCost(r run) *Cost {
	if len(r.used.cpu) == 0 || r.units == 0 {
		return nil
	}
	each := func(p part) float64 { return rounded(float64(r.used.cpu[p].Microseconds())/float64(r.units), 1) }
	c := &Cost{
		Worker: each(worker), Postgres: each(postgreSQL), Redis: each(redisServer),
		API: each(api), Scheduler: each(scheduler), Sandbox: each(sandboxServer), Bench: each(itself),
	}
	c.Sum = rounded(c.Worker+c.Postgres+c.Redis, 1)
	return c
}

// all is what every part but the API, the stand-in and the benchmark took; 0 if it could not be measured.
func (c *Cost) all() float64 {
	if c == nil {
		return 0
	}
	return rounded(c.Sum+c.Scheduler, 1)
}

// hold notes the largest of our processes.
func (c *Cost) hold(u usage) {
	if c == nil {
		return
	}
	for _, p := range []part{worker, api, scheduler} {
		if size := rounded(float64(u.peak[p])/(1<<20), 1); size > c.RSS {
			c.RSS, c.Largest = size, string(p)
		}
	}
}
