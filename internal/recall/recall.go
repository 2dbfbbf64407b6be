// Package recall remembers in Redis, for all processes together, what readers chose.
//
// Nothing has to be told when preferences change. Whoever asks knows their version from the record, and only what was read of
// this version or a later one is an answer: so it is right after any change, by whomever, and after a loss of Redis or of a
// message as well. A change makes a new version; the database sees to that.
//
// Redis has ids and choices: no address, no name, no attribute. With Redis away everything is read from the record, and
// nobody waits for it.
package recall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

const (
	// callTimeout bounds a call to Redis: those that are under way when it goes away are answered after so long.
	callTimeout = 100 * time.Millisecond
	// awayTime is how long Redis is left alone after it failed to answer.
	awayTime = time.Second
	// forgetTime is for how long nothing is remembered of who was forgotten: longer than any request that may have read them.
	forgetTime = 10 * time.Minute
	// forgotten is a version that nobody has: the largest number that a script can compare.
	forgotten = 1 << 53
)

// Counts is what became of the questions to a Preferences.
type Counts struct {
	// Hits were answered by Redis, Misses by the record, Away likewise since Redis did not answer.
	Hits, Misses, Away int64
}

// Preferences is safe for concurrent use.
type Preferences struct {
	redis redis.UniversalClient
	life  time.Duration
	began time.Time
	// key is what all keys begin with, patience what a call may take.
	key      string
	patience time.Duration
	// until is until when Redis is left alone, since began.
	until              atomic.Int64
	hits, misses, away atomic.Int64
}

// New remembers preferences for as long as life, which is more than 0. It makes no call.
func New(client redis.UniversalClient, life time.Duration) *Preferences {
	return &Preferences{redis: client, life: life, began: time.Now(), patience: callTimeout, key: "presswork:preferences:" + form() + ":"}
}

// form tells builds apart whose preferences have other fields: what one wrote the other does not read.
func form() string {
	h := fnv.New32a()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[subscriber.Preferences]()) {
		_, _ = fmt.Fprintf(h, "%s %s\n", f.Name, f.Type)
	}
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// Preferences are those of the reader with a uid, of a version or a later one: remembered, or read and then remembered. Errors
// are those of read.
func (p *Preferences) Preferences(
	ctx context.Context, uid ident.UID, version int, read func(context.Context) (subscriber.Preferences, error),
) (subscriber.Preferences, error) {
	found, asked := p.find(ctx, uid, version)
	if found != nil {
		p.hits.Add(1)
		return *found, nil
	}
	if !asked {
		p.away.Add(1)
		return read(ctx)
	}
	p.misses.Add(1)
	fresh, err := read(ctx)
	if err == nil {
		p.keep(ctx, fresh)
	}
	return fresh, err
}

// find is what is remembered of a version or a later one. asked: Redis answered.
func (p *Preferences) find(ctx context.Context, uid ident.UID, version int) (found *subscriber.Preferences, asked bool) {
	asked = p.call(ctx, func(ctx context.Context) error {
		text, err := p.redis.Get(ctx, p.key+uid.String()).Result()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		if err != nil {
			return err
		}
		number, body, _ := strings.Cut(text, " ")
		var kept subscriber.Preferences
		if n, err := strconv.Atoi(number); err == nil && n >= version && n != forgotten && json.Unmarshal([]byte(body), &kept) == nil {
			found = &kept
		}
		return nil
	})
	return found, asked
}

// keepScript remembers a version ($2 of $1) for some milliseconds ($3), unless a later one is there.
var keepScript = redis.NewScript(`
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(string.match(kept, '^%d+') or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1`)

// keep remembers what was read. What cannot be is read again.
func (p *Preferences) keep(ctx context.Context, fresh subscriber.Preferences) {
	body, err := json.Marshal(fresh)
	if err != nil {
		return // nothing in it can fail
	}
	p.set(ctx, fresh.UID, fresh.Version, string(body), p.life)
}

// Forget leaves nothing of a reader, and nothing is remembered that was read of them before. With Redis away it is gone when
// its life ends.
func (p *Preferences) Forget(ctx context.Context, uid ident.UID) {
	p.set(ctx, uid, forgotten, "", max(p.life, forgetTime))
}

func (p *Preferences) set(ctx context.Context, uid ident.UID, version int, body string, life time.Duration) {
	p.call(ctx, func(ctx context.Context) error {
		return keepScript.Run(ctx, p.redis, []string{p.key + uid.String()}, version, body, life.Milliseconds()).Err()
	})
}

// call asks Redis, unless it failed to answer just now, and reports whether it did. It goes on when the client leaves: the
// answer says whether Redis is there.
func (p *Preferences) call(ctx context.Context, ask func(context.Context) error) bool {
	now := int64(time.Since(p.began))
	until := p.until.Load()
	// Of those that come when it was left alone long enough, one tries.
	if until != 0 && (now < until || !p.until.CompareAndSwap(until, now+int64(awayTime))) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.patience)
	defer cancel()
	if err := ask(ctx); err != nil {
		p.until.Store(int64(time.Since(p.began) + awayTime))
		return false
	}
	if until != 0 {
		p.until.Store(0)
	}
	return true
}

// Counts is how many were asked for so far.
func (p *Preferences) Counts() Counts {
	return Counts{Hits: p.hits.Load(), Misses: p.misses.Load(), Away: p.away.Load()}
}
