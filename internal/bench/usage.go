package bench

import (
	"context"
	"os"
	"time"
)

// part is one of the processes that share the machine.
type part string

const (
	worker        part = "worker"
	api           part = "api"
	scheduler     part = "scheduler"
	sandboxServer part = "sandbox"
	postgreSQL    part = "postgresql"
	redisServer   part = "redis"
	itself        part = "bench"
)

// usage is what the parts used: CPU time, and the most memory at a time, in bytes, of those that are ours. It is
// empty where it cannot be measured: that takes Linux's /proc.
type usage struct {
	cpu  map[part]time.Duration
	peak map[part]int64
}

// parts is the process of each.
func (s *system) parts() map[part]int {
	all := map[part]int{postgreSQL: s.stack.PostgresPID(), redisServer: s.stack.RedisPID(), itself: os.Getpid()}
	for _, c := range s.children {
		all[c.part] = c.process.PID()
	}
	return all
}

func measurable() bool {
	_, err := os.Stat("/proc/self/clear_refs")
	return err == nil
}

// using does the work and says what every part used meanwhile.
func (s *system) using(ctx context.Context, work func(context.Context) error) (usage, error) {
	if !measurable() {
		return usage{}, work(ctx)
	}
	for _, c := range s.children {
		if err := resetPeak(c.process.PID()); err != nil {
			return usage{}, err
		}
	}
	before, err := s.cpu()
	if err != nil {
		return usage{}, err
	}
	if err := work(ctx); err != nil {
		return usage{}, err
	}
	after, err := s.cpu()
	if err != nil {
		return usage{}, err
	}
	u := usage{cpu: map[part]time.Duration{}, peak: map[part]int64{}}
	for p, t := range after {
		u.cpu[p] = t - before[p]
	}
	for _, c := range s.children {
		if u.peak[c.part], err = peak(c.process.PID()); err != nil {
			return usage{}, err
		}
	}
	return u, nil
}

// cpu is what every part has used so far.
func (s *system) cpu() (map[part]time.Duration, error) {
	list, err := processes()
	if err != nil {
		return nil, err
	}
	used := map[part]time.Duration{}
	for p, pid := range s.parts() {
		used[p] = family(list, pid, p != itself) // our children are the other parts
	}
	return used, nil
}
