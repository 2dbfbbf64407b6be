package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/presswork/presswork/tasks"
)

// Pool is a named set of queues with workers of their own, and how many of those there may be.
type Pool struct {
	Name     string
	Queues   []string
	Min, Max int
}

// The bounds of a pool that says none.
const (
	minReplicas = 1
	maxReplicas = 10
)

var (
	poolName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	bounds   = regexp.MustCompile(`^(\d{1,4})-(\d{1,4})$`)
)

// ParsePools reads "mail:0-20=email,newsletter;fast=critical,render"; empty means one pool, all, of every queue. An
// asterisk stands for every queue.
func ParsePools(text string) ([]Pool, error) {
	if strings.TrimSpace(text) == "" {
		text = "all=*"
	}
	var list []Pool
	for part := range strings.SplitSeq(text, ";") {
		p, err := parsePool(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(o Pool) bool { return o.Name == p.Name }) {
			return nil, fmt.Errorf("the pool %q is named twice", p.Name)
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePool(text string) (Pool, error) {
	head, queues, found := strings.Cut(text, "=")
	if !found {
		return Pool{}, errors.New("a pool is written NAME=QUEUE,QUEUE or NAME:MIN-MAX=QUEUE,QUEUE")
	}
	p := Pool{Min: minReplicas, Max: maxReplicas}
	var limits string
	p.Name, limits, found = strings.Cut(strings.TrimSpace(head), ":")
	if !poolName.MatchString(p.Name) {
		return p, fmt.Errorf("the name of a pool must be a-z, 0-9 and hyphens, up to 40, not %q", p.Name)
	}
	if found {
		m := bounds.FindStringSubmatch(limits)
		if m == nil {
			return p, fmt.Errorf("pool %s: the bounds must be two numbers, as in 0-20", p.Name)
		}
		p.Min, _ = strconv.Atoi(m[1]) // up to four digits
		p.Max, _ = strconv.Atoi(m[2])
	}
	if p.Max < max(p.Min, 1) {
		return p, fmt.Errorf("pool %s: at most %d replicas is less than at least %d", p.Name, p.Max, max(p.Min, 1))
	}
	var err error
	p.Queues, err = poolQueues(p.Name, queues)
	return p, err
}

func poolQueues(pool, text string) ([]string, error) {
	if strings.TrimSpace(text) == "*" {
		return slices.Sorted(maps.Keys(tasks.Queues())), nil
	}
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if _, known := tasks.Queues()[name]; !known {
			return nil, fmt.Errorf("pool %s: no queue is called %q", pool, name)
		}
		if slices.Contains(list, name) {
			return nil, fmt.Errorf("pool %s: the queue %q is named twice", pool, name)
		}
		list = append(list, name)
	}
	return list, nil
}

func (p *problems) pools(c *Config) {
	var err error
	if c.PoolList, err = ParsePools(c.Pools); err != nil {
		p.add("PRESSWORK_POOLS: %v", err)
	}
	for name, value := range map[string]time.Duration{"PRESSWORK_POOL_OBJECTIVE": c.PoolObjective, "PRESSWORK_POOL_STABLE": c.PoolStable} {
		if value < time.Second && !p.has(name) {
			p.add("%s must be at least 1s", name)
		}
	}
	if c.DatabaseConnections < 0 && !p.has("PRESSWORK_DATABASE_CONNECTIONS") {
		p.add("PRESSWORK_DATABASE_CONNECTIONS must not be negative")
	}
}
