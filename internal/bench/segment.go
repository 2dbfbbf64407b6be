package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	types "github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/postgres"
	"github.com/presswork/presswork/internal/postgres/bare"
	"github.com/presswork/presswork/internal/publication"
)

// threeConditions is a rule over a topic, an attribute and what readers did in twelve weeks.
func threeConditions() map[string]any {
	return map[string]any{"all": []any{
		map[string]any{"topic": map[string]any{"any": []string{"books", "music"}}},
		map[string]any{"attribute": map[string]any{"name": "orders", "op": "gte", "value": 20}},
		map[string]any{"engagement": map[string]any{"metric": "open_rate", "weeks": 12, "op": "gt", "value": 0.3, "min_sent": 3}},
	}}
}

// engaged stores readers, and half a year of what they opened and clicked.
func (s *system) engaged(ctx context.Context, readers int) error {
	if err := s.seed(ctx, readers); err != nil {
		return err
	}
	plain, err := bare.Open(ctx, s.stack.DatabaseURL(), 1)
	if err != nil {
		return err
	}
	defer plain.Close()
	return plain.Engage(ctx)
}

// segmentCount measures how long it takes to count a segment of three conditions.
func segmentCount(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers and what they did", r.size.many)
	if err := s.engaged(ctx, r.size.many); err != nil {
		return Line{}, err
	}
	var took []time.Duration
	var counted types.SegmentPreview
	var err error
	one := run{units: r.size.counts}
	one.used, err = s.using(ctx, func(ctx context.Context) error {
		for i := range r.size.counts + warmCounts {
			begun := time.Now()
			counted, err = s.api.PreviewRule(ctx, types.SegmentTrial{Rule: threeConditions(), Sample: new(0)})
			if err != nil {
				return err
			}
			if counted.CountIsEstimate || counted.Count == 0 {
				return fmt.Errorf("%d are counted, by a guess: %v", counted.Count, counted.CountIsEstimate)
			}
			if i >= warmCounts {
				took = append(took, time.Since(begun))
			}
		}
		return nil
	})
	if err != nil {
		return Line{}, err
	}
	times := newLatency(took)
	return Line{Value: times.P95, Unit: "ms at p95", Latency: times, Cost: newCost(one),
		Note: fmt.Sprintf("%d counts by the API, one after the other, of a rule over a topic, an attribute and the open rate of twelve weeks: %d of %d "+
			"subscribers; the CPU is of one count", r.size.counts, counted.Count, r.size.many)}, nil
}

// warmCounts are before it is measured.
const warmCounts = 2

// segmentRead measures how fast fan-out reads an audience by the same rule: pages of members with all that sending needs to
// know, four ranges at once. Nothing is written but how far each range is.
func segmentRead(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers and what they did", r.size.many)
	if err := s.engaged(ctx, r.size.many); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "placeholder")
	if err != nil {
		return Line{}, err
	}
	for _, p := range []part{worker, scheduler} { // who would begin it
		if err := s.end(p); err != nil {
			return Line{}, err
		}
	}
	if _, err := s.api.CreateSegment(ctx, types.SegmentInput{Name: "three conditions", Rule: threeConditions()}); err != nil {
		return Line{}, err
	}
	var runs []run
	for range r.size.runs {
		one, err := s.readOnce(ctx, contents)
		if err != nil {
			return Line{}, err
		}
		r.logf("%d members in %v", one.units, one.took.Round(time.Millisecond))
		runs = append(runs, one)
	}
	line := newLine("members/s", runs)
	line.Note = fmt.Sprintf("the pages that fan-out reads, %d ranges at once, of a publication for %d members among %d subscribers, with their languages, topics "+
		"and what they chose; no deliveries are written; reading is done by the benchmark's own process", publication.MaxRanges, runs[0].units, r.size.many)
	return line, nil
}

// readOnce begins a publication for the segment and reads all of its audience.
func (s *system) readOnce(ctx context.Context, contents []string) (run, error) {
	request := mailing(contents)
	request.Audience = types.AudienceInput{Segments: []string{"three conditions"}}
	made, err := s.api.Publish(ctx, request)
	if err != nil {
		return run{}, err
	}
	uid, err := ident.Parse(made.ID)
	if err != nil {
		return run{}, err
	}
	db, err := postgres.Open(ctx, s.stack.DatabaseURL(), postgres.Options{MaxConns: publication.MaxRanges})
	if err != nil {
		return run{}, err
	}
	defer db.Close()
	plain, err := bare.Open(ctx, s.stack.DatabaseURL(), 1)
	if err != nil {
		return run{}, err
	}
	defer plain.Close()
	id, err := plain.Publication(ctx, uid.String())
	if err != nil {
		return run{}, err
	}
	if _, err := db.StartRender(ctx, id); err != nil {
		return run{}, err
	}
	ranges, _, err := db.StartFanout(ctx, publication.Fanout{Publication: id, Ranges: publication.MaxRanges, Inline: true})
	if err != nil {
		return run{}, err
	}
	var one run
	one.used, err = s.using(ctx, func(ctx context.Context) error {
		begun := time.Now()
		one.units, err = readRanges(ctx, db, ranges)
		one.took = time.Since(begun)
		return err
	})
	return one, err
}

// readRanges reads ranges at once, to their ends, and counts whom it finds.
func readRanges(ctx context.Context, db *postgres.DB, ranges []int64) (int, error) {
	found := make([]int, len(ranges))
	group, ctx := errgroup.WithContext(ctx)
	for i, id := range ranges {
		group.Go(func() error {
			for gen := 1; ; {
				page, err := db.ReadPage(ctx, id, gen)
				if err != nil {
					return err
				}
				if page == nil {
					return fmt.Errorf("range %d has no page %d", id, gen)
				}
				found[i] += len(page.Readers)
				next, err := db.ExpandPage(ctx, page, nil, nil, true)
				if err != nil {
					return err
				}
				if next == nil {
					return fmt.Errorf("range %d was read by another", id)
				}
				if next.Done {
					return nil
				}
				gen = next.Gen
			}
		})
	}
	err := group.Wait()
	sum := 0
	for _, n := range found {
		sum += n
	}
	return sum, err
}
