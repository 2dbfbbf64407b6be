package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Memory is what a worker held while it sent to few and to many readers, in MiB.
type Memory struct {
	Few  float64 `json:"rss_mb_few"`
	Many float64 `json:"rss_mb_many"`
}

// memory measures how much more memory a worker takes for an audience a hundred times as large.
func memory(ctx context.Context, r *runner, s *system) (Line, error) {
	if !measurable() {
		return Line{}, errors.New("the memory of a process is measured on Linux only")
	}
	var held []float64
	var contents []string
	for _, readers := range []int{r.size.few, r.size.many} {
		r.logf("storing %d subscribers", readers)
		if err := s.seed(ctx, readers); err != nil {
			return Line{}, err
		}
		var err error
		if contents == nil {
			if contents, err = s.prepare(ctx, "smtp"); err != nil {
				return Line{}, err
			}
		}
		used, err := s.using(ctx, func(ctx context.Context) error { return r.repeatedly(ctx, s, contents, readers) })
		if err != nil {
			return Line{}, err
		}
		held = append(held, rounded(float64(used.peak[worker])/(1<<20), 1))
	}
	return Line{
		Value: rounded(held[1]/held[0], 2), Unit: "times the memory", Memory: &Memory{held[0], held[1]},
		Note: fmt.Sprintf("the most that the same worker held while it expanded and sent %d publications to %d readers each, which fills what it "+
			"remembers, and then one to %d; e-mail over SMTP to a stand-in as fast as it can", r.size.many/r.size.few, r.size.few, r.size.many),
	}, nil
}

// repeatedly sends to few readers as often as makes the same number of messages as sending to many once: the most of a
// longer time is more, and what a worker remembers of publications is bounded, and full after some dozens.
func (r *runner) repeatedly(ctx context.Context, s *system, contents []string, readers int) error {
	for range r.size.many / readers {
		took, err := s.send(ctx, contents, readers)
		if err != nil {
			return err
		}
		r.logf("%d readers: %v", readers, took.Round(time.Millisecond))
	}
	return nil
}
