package attempt

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

const (
	// gateSize is how many bytes of large messages may be on their way at once in a process, for each provider.
	// A library that wants a message in one piece takes three to four times as much memory. More would not be
	// faster, as all share one line: each would only get nearer to the end of its call, which has 10 seconds.
	gateSize = 32 << 20
	// smallMessage passes at any time: with 128 connections that is another 32 MB at most.
	smallMessage = 256 << 10
	// gatePatience is how much of a call may be spent on waiting, and gateWait how long the batch then waits.
	gatePatience = 2 * time.Second
	gateWait     = time.Second
)

// Gate lets only so many bytes of large messages be sent at once. It is safe for concurrent use.
type Gate struct{ room *semaphore.Weighted }

// NewGate makes one for a provider.
func NewGate() *Gate { return &Gate{semaphore.NewWeighted(gateSize)} }

// Enter waits until a message of that many bytes may be sent; leave must be called once it was. The error is
// of kind fault.Wait, after two seconds or when ctx ends: nothing was sent, and no attempt is used.
func (g *Gate) Enter(ctx context.Context, size int) (leave func(), err error) {
	if size < smallMessage {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gatePatience)
	defer cancel()
	weight := min(int64(size), gateSize)
	if err := g.room.Acquire(ctx, weight); err != nil {
		return nil, fault.WaitFor(gateWait, channel.CodeBusy, err)
	}
	return func() { g.room.Release(weight) }, nil
}
