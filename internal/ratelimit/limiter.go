// Package ratelimit holds what each client may ask of the API, for all its processes together: token buckets in Redis,
// by whose clock they go, so that a client is held to its allowance whichever process it reaches.
//
// A request costs one call to Redis for all its buckets, which changes them all or none. Of a large bucket that is busy in
// this process it costs fewer: what the process used of it in the last tenth of a second it takes ahead with the next
// call. What is known to be refused costs no call.
//
// What is promised: of a bucket with n units a window, never more than n × (1 + t ÷ window) are let through in any time
// t by all processes together. Of a bucket of 10,000 units or more fewer may be: what a process took ahead and does not use
// within a second is lost. That is no more than it used in a tenth of a second, and than a hundredth of the bucket.
//
// While Redis is away each process holds clients to the same numbers by itself, and no request waits for it.
package ratelimit

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/allowance"
)

const (
	// callTimeout bounds a call to Redis: those that are under way when it goes away are answered after so long.
	callTimeout = 100 * time.Millisecond
	// awayTime is how long Redis is left alone after it failed to answer, and between two looks at whether it is back.
	awayTime = time.Second
	// demandTime is for how long a process takes ahead, and aheadLife how long that is good.
	demandTime, aheadLife = 100 * time.Millisecond, time.Second
	// aheadPart is the part of a bucket that a process may have taken ahead, of such as have so many units: small ones are
	// never so busy that it would show, and whoever has one may use all of it.
	aheadPart, aheadLeast = 100, 10000
	// spareTime is for how long Spare counts.
	spareTime = time.Minute
)

// Options of a Limiter.
type Options struct {
	// Redis is where the buckets are shared.
	Redis redis.UniversalClient
	// Secret is what the key is derived from (HKDF, RFC 5869) of the hashes by which clients stand in Redis: their addresses
	// do not. All processes have the same.
	Secret []byte
	// Notice is told when Redis is away or back; nil: nobody is.
	Notice func(message string)
}

// Limiter is safe for concurrent use. Close it at the end.
type Limiter struct {
	options Options
	key     []byte
	began   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	alone   atomic.Bool
	// patience is for a call to Redis.
	patience time.Duration

	mu      sync.Mutex
	meters  meters
	refused map[string]int64
	closed  bool
}

// keyInfo is the use of the derived key; a changed word gives everybody a whole bucket.
const keyInfo = "presswork rate limit key v1"

// New makes a Limiter. It makes no call. An error is one of the Secret.
func New(o Options) (*Limiter, error) {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	key, err := hkdf.Key(sha256.New, o.Secret, nil, keyInfo, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the rate limits: %w", err)
	}
	l := &Limiter{options: o, key: key, began: time.Now(), patience: callTimeout, refused: make(map[string]int64)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Close ends what goes on in the background. The Limiter can still be asked, and answers by itself.
func (l *Limiter) Close() {
	l.mu.Lock()
	l.closed = true
	l.alone.Store(true)
	l.mu.Unlock()
	l.cancel()
	l.wg.Wait()
}

// now is this process's monotonic clock, never 0.
func (l *Limiter) now() time.Duration { return time.Since(l.began) + 1 }

// ask is what a request wants of one bucket.
type ask struct {
	allowance.Bucket
	meter *meter
	// inHand is what was taken of the process's own store, need what is missing, and ahead what would be good to have.
	inHand, need, ahead int
}

// Take takes cost units of every bucket, or none of any. A request that costs more than a whole bucket costs that. With
// no bucket everything is allowed. It never fails: with Redis away it answers by what this process knows.
func (l *Limiter) Take(ctx context.Context, cost int, buckets ...allowance.Bucket) allowance.Verdict {
	asks, verdict, known := l.fromHand(cost, buckets)
	if !known {
		verdict = l.fromRedis(ctx, asks)
	}
	if !verdict.Allowed {
		l.mu.Lock()
		l.refused[verdict.Policy.Name]++
		l.mu.Unlock()
	}
	return verdict
}

// fromHand is the verdict, if it is known without Redis. If it is not, asks holds what was taken of the stores.
func (l *Limiter) fromHand(cost int, buckets []allowance.Bucket) (asks []ask, verdict allowance.Verdict, known bool) {
	verdict.Allowed = true
	if len(buckets) == 0 {
		return nil, verdict, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	asks = make([]ask, len(buckets))
	known = true
	for i, b := range buckets {
		a := &asks[i]
		*a = ask{Bucket: b, meter: l.meters.of(b)}
		wanted := b.Cost(cost)
		a.inHand = min(a.meter.inHand(now), wanted)
		a.need = wanted - a.inHand
		if v := b.Judge(a.meter.full, now, a.need, a.meter.inHand(now)-a.inHand); a.need == 0 || !v.Allowed {
			verdict = verdict.Stricter(v)
		}
		known = known && a.need == 0
	}
	if !verdict.Allowed {
		return nil, verdict, true
	}
	for i := range asks {
		asks[i].take(now)
	}
	return asks, verdict, known
}

// fromRedis takes what is missing, of Redis or else by this process's own account.
func (l *Limiter) fromRedis(ctx context.Context, asks []ask) allowance.Verdict {
	if !l.alone.Load() {
		answer, err := l.call(ctx, asks)
		if err == nil {
			return l.settle(asks, answer)
		}
		l.lost()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	verdict := allowance.Verdict{Allowed: true}
	for _, a := range asks {
		verdict = verdict.Stricter(a.Judge(a.meter.full, now, a.need, a.meter.held))
	}
	for i := range asks {
		a := &asks[i]
		a.meter.fetching = a.meter.fetching && a.ahead == 0
		if verdict.Allowed {
			a.meter.full = a.After(a.meter.full, now, a.need)
		} else {
			a.meter.held += a.inHand
		}
	}
	return verdict
}

// settle notes what Redis said of each bucket.
func (l *Limiter) settle(asks []ask, answer []share) allowance.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	verdict := allowance.Verdict{Allowed: true}
	for i, s := range answer {
		a := &asks[i]
		m := a.meter
		m.full = max(m.full, now+s.owed)
		if a.ahead > 0 {
			m.fetching = false
		}
		if s.allowed {
			if extra := s.taken - a.need; extra > 0 {
				m.held, m.until = m.inHand(now)+extra, now+aheadLife
			}
			verdict = verdict.Stricter(allowance.Verdict{Allowed: true, Policy: a.Policy,
				Remaining: a.Left(m.full, now) + m.inHand(now), Reset: s.owed})
		} else {
			m.held += a.inHand
			if s.refuses {
				verdict = verdict.Stricter(a.Judge(now+s.owed, now, a.need, m.inHand(now)))
			}
		}
	}
	return verdict
}

// Empty reports whether a request of one unit is known to be refused, without asking Redis, and unless the bucket is
// spared. It takes nothing.
func (l *Limiter) Empty(b allowance.Bucket) (allowance.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	m, ok := l.meters.known(b)
	if !ok || m.inHand(now) > 0 || now < m.spared {
		return allowance.Verdict{}, false
	}
	v := b.Judge(m.full, now, 1, 0)
	if !v.Allowed {
		l.refused[b.Name]++
	}
	return v, !v.Allowed
}

// Spare makes Empty say no for a minute: somebody behind this bucket has a right of their own.
func (l *Limiter) Spare(b allowance.Bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meters.of(b).spared = l.now() + spareTime
}

// Alone reports whether this process goes by its own account, since Redis does not answer.
func (l *Limiter) Alone() bool { return l.alone.Load() }

// Refused is how many requests this process refused, by the name of the policy.
func (l *Limiter) Refused() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]int64, len(l.refused))
	for name, n := range l.refused {
		counts[name] = n
	}
	return counts
}

// name is a bucket's key in Redis. All have one hash tag, so that one script may change several in a Cluster.
func (l *Limiter) name(b allowance.Bucket) string {
	sum := hmac.New(sha256.New, l.key)
	sum.Write([]byte(b.Name))
	sum.Write([]byte{0})
	sum.Write([]byte(b.Key))
	return "{presswork:rate}:" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16])
}
