package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	types "github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/sandbox"
)

// urgentReaders is how many people an urgent publication goes to.
const urgentReaders = 10

// urgentPatience is how long one may take before the benchmark fails.
const urgentPatience = 2 * time.Minute

// urgent measures how long urgent publications take while a bulk run is under way: from the request until the provider
// has the last of the ten messages of each.
func urgent(ctx context.Context, r *runner, s *system) ([]Line, error) {
	r.logf("storing %d subscribers", r.BulkReaders)
	if err := s.seed(ctx, r.BulkReaders); err != nil {
		return nil, err
	}
	contents, err := s.prepare(ctx, "smtp")
	if err != nil {
		return nil, err
	}
	c := &contest{runner: r, system: s, contents: contents, inbox: newEndpoint(s.sandbox.Inbox, ""),
		chance: rand.New(rand.NewPCG(20260402, 0))} //nolint:gosec // chance that can be repeated is what is wanted
	defer c.inbox.close()
	if c.people, err = s.readers(ctx); err != nil {
		return nil, err
	}
	var lines []Line
	for _, latency := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond} {
		l, err := c.beside(ctx, latency)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	l, err := c.underBudget(ctx)
	return append(lines, l), err
}

// contest is urgent publications against a bulk run.
type contest struct {
	*runner
	*system
	inbox    *endpoint // of the stand-in
	contents []string
	people   []string // ids of some readers
	chance   *rand.Rand
}

// readers are the ids of some subscribers.
func (s *system) readers(ctx context.Context) ([]string, error) {
	page, err := s.api.ListSubscribers(ctx, types.ListSubscribersParams{Limit: 100})
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(page.Items))
	for _, one := range page.Items {
		ids = append(ids, one.ID)
	}
	if len(ids) < urgentReaders {
		return nil, fmt.Errorf("there are only %d readers", len(ids))
	}
	return ids, nil
}

// beside sends a bulk run to a provider of a latency, and urgent publications at random moments of it.
func (c *contest) beside(ctx context.Context, latency time.Duration) (Line, error) {
	if err := c.slow(ctx, latency); err != nil {
		return Line{}, err
	}
	alone, err := c.alone(ctx)
	if err != nil {
		return Line{}, err
	}
	begun := time.Now()
	bulk, err := c.api.Publish(ctx, mailing(c.contents))
	if err != nil {
		return Line{}, err
	}
	took, err := c.publishDuring(ctx, bulk.ID)
	if err != nil {
		return Line{}, err
	}
	ended, err := c.completed(ctx, bulk.ID, time.Second/2)
	if err != nil {
		return Line{}, err
	}
	got, err := c.arrivals(ctx, bulk.ID)
	if err != nil {
		return Line{}, err
	}
	if got.Received != int64(c.BulkReaders) || got.Doubled != 0 {
		return Line{}, fmt.Errorf("the stand-in got %d messages and %d doubles of the bulk run, not %d", got.Received, got.Doubled, c.BulkReaders)
	}
	rate := float64(c.BulkReaders) / ended.Sub(begun).Seconds()
	c.logf("provider at %v: bulk run at %.0f messages/s, the slowest urgent publication after %v", latency, rate, slices.Max(took).Round(time.Millisecond))
	times := newLatency(took)
	return Line{
		Name: fmt.Sprintf("urgent.p99.%dms", latency.Milliseconds()), Value: times.P99, Unit: "ms", Latency: times,
		Limit: &Limit{alone, "p99 of the same publications with no bulk run under way"},
		Note: fmt.Sprintf("%d publications to %d people each, from the request to the last of the ten messages at the provider, at "+
			"random moments from fan-out to drain of a bulk run to %d readers at %.0f messages/s; the provider takes %v a message; "+
			"default settings, one worker", len(took), urgentReaders, c.BulkReaders, rate, latency),
	}, nil
}

// alone is the p99 of urgent publications on a system with nothing else to do, in ms.
func (c *contest) alone(ctx context.Context) (float64, error) {
	all := make([]*posted, max(1, c.size.urgent/5))
	for i := range all {
		all[i] = &posted{}
		if err := c.post(ctx, c.request(), all[i]); err != nil {
			return 0, err
		}
		if err := wait(ctx, time.Second/2); err != nil {
			return 0, err
		}
	}
	took, err := c.latencies(ctx, all)
	if err != nil {
		return 0, err
	}
	return newLatency(took).P99, nil
}

// fanoutTime is how long after a request its fan-out is under way.
const fanoutTime = 2 * time.Second

// publishDuring publishes at random moments of a bulk run that was just requested: a tenth of them while it fans out, the
// others when a random share of it has arrived. None waits for another.
func (c *contest) publishDuring(ctx context.Context, bulk string) ([]time.Duration, error) {
	begun := time.Now()
	early := make([]float64, max(1, c.size.urgent/10)) // of fanoutTime
	later := make([]float64, c.size.urgent-len(early)) // of the bulk run's messages
	for _, moments := range [][]float64{early, later} {
		for i := range moments {
			moments[i] = c.chance.Float64()
		}
		slices.Sort(moments)
	}
	var all []*posted
	group, posting := errgroup.WithContext(ctx)
	for len(all) < c.size.urgent {
		if err := wait(posting, 20*time.Millisecond); err != nil {
			return nil, errors.Join(err, group.Wait())
		}
		seen, err := c.seen(ctx)
		if err != nil {
			return nil, err
		}
		due := dueOf(&early, time.Since(begun).Seconds()/fanoutTime.Seconds()) +
			dueOf(&later, float64(seen[bulk].Received)/float64(c.BulkReaders))
		for range due {
			one := &posted{}
			all = append(all, one)
			request := c.request()
			group.Go(func() error { return c.post(posting, request, one) })
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return c.latencies(ctx, all)
}

// dueOf takes off the moments that have come, and says how many they are.
func dueOf(moments *[]float64, now float64) int {
	n, _ := slices.BinarySearch(*moments, now)
	*moments = (*moments)[n:]
	return n
}

// posted is an urgent publication that was requested.
type posted struct {
	at time.Time
	id string
}

// request is an urgent publication to ten readers, drawn now.
func (c *contest) request() types.PublicationInput {
	people := slices.Clone(c.people)
	c.chance.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
	return types.PublicationInput{
		Title: "The Slow Post burns", PublicationType: types.PublicationTypeAlert, Priority: types.PublicationInputPriorityCritical,
		Channels:   []types.ChannelKind{types.ChannelKindEmail},
		ContentIDs: c.contents[:1], Audience: types.AudienceInput{SubscriberIDs: people[:urgentReaders]},
	}
}

func (c *contest) post(ctx context.Context, request types.PublicationInput, to *posted) error {
	to.at = time.Now()
	made, err := c.api.Publish(ctx, request)
	to.id = made.ID
	return err
}

// latencies waits until the stand-in has all messages of all, and returns how long after the request the last one of
// each came, by the stand-in's notes.
func (c *contest) latencies(ctx context.Context, all []*posted) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, urgentPatience)
	defer cancel()
	for {
		seen, err := c.seen(ctx)
		if err != nil {
			return nil, fmt.Errorf("wait for urgent publications: %w", err)
		}
		var took []time.Duration
		for _, p := range all {
			if got := seen[p.id]; got.Received == urgentReaders {
				took = append(took, got.Last.Sub(p.at))
			}
		}
		if len(took) == len(all) {
			return took, nil
		}
		if err := wait(ctx, time.Second/4); err != nil {
			return nil, fmt.Errorf("%d of %d urgent publications arrived: %w", len(took), len(all), err)
		}
	}
}

// seen is what the stand-in got, by publication.
func (c *contest) seen(ctx context.Context) (map[string]sandbox.Arrivals, error) {
	seen := map[string]sandbox.Arrivals{}
	err := c.inbox.call(ctx, http.MethodGet, "/sandbox/first", nil, &seen)
	return seen, err
}
