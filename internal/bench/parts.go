package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/google/pprof/profile"
)

// Parts is what a request took of the API's CPU time, in microseconds, by what it was for. What PostgreSQL does for it is
// not in it.
type Parts struct {
	Parts map[string]float64 `json:"cpu_us_parts"`
}

// partsOfAPI are functions by what they are for. A sample counts for the one that is nearest to where it was taken and has a
// line here; of two lines for one function the first holds.
var partsOfAPI = []struct {
	of        string
	functions *regexp.Regexp
}{
	{"authentication", ours(`(auth|bearer)\.`)},
	{"authentication", ours(`httpapi\.(New\.)?(authenticate|authorize|principalOf|credentialOf|accessTable)`)},
	{"limits", ours(`(ratelimit|allowance)\.`)},
	{"limits", ours(`httpapi\.(New\.)?(Limits|findClient|showLimits)`)},
	{"validation", ours(`publication\.`)},
	{"validation", ours(`httpapi\.(decode|readBody|wantType|treeParser|parseTree|check(Value|Struct|Shape))`)},
	{"look-ups", ours(`postgres\.\(\*(DB\)\.Resolve|resolver)`)},
	{"look-ups", ours(`httpapi\.(variables|publications\.resolve)`)},
	{"storing, audit and idempotency", ours(`postgres\.`)},
	{"logs and metrics", ours(`(telemetry\.|httpapi\.(New\.)?observe)`)},
	{"routing and answers", ours(`httpapi\.`)},
	{"HTTP", regexp.MustCompile(`^net/http\.`)},
	{"garbage collection", regexp.MustCompile(`^runtime\.(gcBgMarkWorker|bgsweep|bgscavenge)`)},
}

// ours are functions of our own packages.
func ours(functions string) *regexp.Regexp {
	return regexp.MustCompile(`^github\.com/presswork/presswork/internal/` + functions)
}

// elsewhere is the scheduler's time, and that of connections' own goroutines.
const elsewhere = "runtime and the rest"

// partsOf divides what one publication takes of the API, in microseconds, as a profile tells that is taken while more are posted:
// the measured runs have none beside them.
func (r *runner) partsOf(ctx context.Context, s *system, posts load, each float64) (*Parts, error) {
	seconds := max(1, int(r.size.load.Seconds()))
	var posted error
	var clients sync.WaitGroup
	clients.Go(func() { _, posted = posts.run(ctx, time.Duration(seconds)*time.Second) })
	taken, err := s.profileOf(ctx, api, seconds)
	clients.Wait()
	if err := errors.Join(err, posted, r.keepProfile(r.name+"-api.pprof", taken)); err != nil {
		return nil, err
	}
	p, err := profile.ParseData(taken)
	if err != nil {
		return nil, fmt.Errorf("read a profile of the api: %w", err)
	}
	parts := shares(p)
	for of, share := range parts {
		parts[of] = rounded(share*each, 1)
	}
	return &Parts{parts}, nil
}

// shares is which part of a profile's CPU time was spent for what, 1 in all; empty without samples.
func shares(p *profile.Profile) map[string]float64 {
	found := map[string]float64{}
	var all float64
	for _, sample := range p.Sample {
		spent := float64(sample.Value[len(sample.Value)-1]) // "cpu", after "samples"
		found[partOf(sample)] += spent
		all += spent
	}
	for of := range found {
		found[of] /= all
	}
	return found
}

// partOf is what a sample counts for.
func partOf(sample *profile.Sample) string {
	for _, location := range sample.Location { // the innermost comes first
		for _, line := range location.Line {
			for _, known := range partsOfAPI {
				if line.Function != nil && known.functions.MatchString(line.Function.Name) {
					return known.of
				}
			}
		}
	}
	return elsewhere
}
