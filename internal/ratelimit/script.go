package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// takeScript takes units of all buckets, or of none. KEYS are the buckets; each is the moment when it is whole again, in
// microseconds of Redis's clock, and gone by then. ARGV has for each what is needed, what would be good to have beside,
// the units of the whole bucket and its window in microseconds. The answer has whether it was allowed, and for each how
// long it takes until it is whole, how many were taken, and whether it refused.
//
// %.17g keeps all of a number; tostring would cut it to 14 digits.
var takeScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local owed, left, allowed = {}, {}, 1
for i, key in ipairs(KEYS) do
    local need, units, window = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-1]), tonumber(ARGV[4*i])
    owed[i] = math.min(math.max((tonumber(redis.call('GET', key) or '') or now) - now, 0), window)
    left[i] = math.floor((window - owed[i] + 1) * units / window)
    if left[i] < need then allowed = 0 end
end
local answer = {allowed}
for i, key in ipairs(KEYS) do
    local need, ahead, units, window = tonumber(ARGV[4*i-3]), tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1]), tonumber(ARGV[4*i])
    local taken = 0
    if allowed == 1 then
        taken = math.min(need + ahead, left[i])
        if taken > 0 then
            owed[i] = owed[i] + taken * window / units
            redis.call('SET', key, string.format('%.17g', now + owed[i]), 'PX', math.ceil(owed[i] / 1000))
        end
    end
    answer[#answer+1] = math.ceil(owed[i])
    answer[#answer+1] = taken
    answer[#answer+1] = (left[i] < need) and 1 or 0
end
return answer`)

// share is what Redis said of one bucket.
type share struct {
	allowed, refuses bool
	owed             time.Duration
	taken            int
}

var errAnswer = errors.New("redis answered something else")

// call asks for all buckets at once. It goes on when the client leaves: the answer says whether Redis is there.
func (l *Limiter) call(ctx context.Context, asks []ask) ([]share, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.patience)
	defer cancel()
	keys, args := make([]string, len(asks)), make([]any, 0, 4*len(asks))
	for i, a := range asks {
		keys[i] = l.name(a.Bucket)
		args = append(args, a.need, a.ahead, a.Units, a.Window.Microseconds())
	}
	answer, err := takeScript.Run(ctx, l.options.Redis, keys, args...).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("share the rate limits: %w", err)
	}
	if len(answer) != 1+3*len(asks) {
		return nil, errAnswer
	}
	shares := make([]share, len(asks))
	for i := range shares {
		part := answer[1+3*i:]
		shares[i] = share{allowed: answer[0] == 1, owed: time.Duration(part[0]) * time.Microsecond, taken: int(part[1]), refuses: part[2] == 1}
	}
	return shares, nil
}
