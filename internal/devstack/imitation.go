package devstack

import (
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// imitation is a Redis inside this process, for machines without redis-server.
type imitation struct {
	server *miniredis.Miniredis
	quit   chan struct{}
	idle   chan struct{}
}

func startImitation() (*imitation, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the in-process Redis: %w", err)
	}
	i := &imitation{server: server, quit: make(chan struct{}), idle: make(chan struct{})}
	go i.expire()
	return i, nil
}

// expire lets time pass: miniredis expires keys only when told how much did.
func (i *imitation) expire() {
	defer close(i.idle)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-i.quit:
			return
		case now := <-ticker.C:
			i.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (i *imitation) url() string { return "redis://" + i.server.Addr() + "/0" }

func (i *imitation) close() {
	if i == nil {
		return
	}
	close(i.quit)
	<-i.idle
	i.server.Close()
}
