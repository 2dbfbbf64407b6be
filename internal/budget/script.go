package budget

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The state of a target is one hash, and that of a circuit another, for each version of the channel's settings. Times in it are microseconds of Redis's clock; what goes in and out are durations.
//
//	rate base cut   learned rate, only while it differs from the ceiling; what it was when it was last cut, and when
//	tokens at       the bucket, and when it was last looked at
//	day used        days since 1970, and what was sent of that day's number
//	until           paused by the provider until then
//	quota           messages a second that the account may send
//
// and of the circuit:
//
//	fails failed    failures in a row, and when the last was
//	open probe      0 closed; open until; a probe is under way until. Missing: this Redis does not know
//
// The set of workers has those that took tokens in the last 15 seconds.
const (
	prelude = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function num(v) return tonumber(v or '0') or 0 end
local key = KEYS[1]
`
	// keep is how long a target nobody uses is remembered: longer than a day of a warm-up.
	keep = `redis.call('EXPIRE', key, 90000)
`
	// ofCircuit follows the prelude where the circuit's hash is what is meant.
	ofCircuit = `key = KEYS[2]
`
)

// takeScript takes up to ARGV[4] tokens. ARGV: ceiling, burst, the share of the bucket that is left alone, n, most a
// day, process, how many of those taken before were for nobody, and on which day they were. These count as sent no more.
var takeScript = redis.NewScript(prelude + `
redis.call('ZADD', KEYS[2], now, ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 15000000)
redis.call('EXPIRE', KEYS[2], 60)
local workers = redis.call('ZCARD', KEYS[2])
local h = redis.call('HMGET', key, 'rate', 'base', 'tokens', 'at', 'until', 'day', 'used')
local ceiling, n, most = num(ARGV[1]), num(ARGV[4]), num(ARGV[5])
local today = math.floor(t[1] / 86400)
local used = 0
if num(h[6]) == today then used = num(h[7]) end
if num(ARGV[7]) > 0 and num(ARGV[8]) == today then
    used = math.max(0, used - num(ARGV[7]))
    redis.call('HSET', key, 'day', today, 'used', used)
end
local rate, dt = num(h[1]), math.max(0, now - num(h[4] or tostring(now))) / 1e6
local learned = rate > 0
if learned then
    rate = rate + math.min(dt, 1) * math.max(num(h[2]), rate) / 60
    local enough = ceiling
    if enough == 0 then enough = 1000000 end -- more than anybody sends
    if rate >= enough then
        learned = false
        redis.call('HDEL', key, 'rate', 'base')
    end
end
if not learned then rate = ceiling end
local paused = num(h[5]) - now
if paused > 0 then return {0, paused, 'paused', workers, tostring(rate), today} end
local granted, wait, why, tokens = n, 0, '', 0
if rate > 0 then
    local burst = num(ARGV[2])
    if burst == 0 or learned then burst = rate end
    burst = math.max(burst, 1)
    tokens = math.min(burst, (h[3] and num(h[3]) or math.max(1, rate)) + dt * rate)
    local left = math.min(burst * num(ARGV[3]), burst - 1)
    granted = math.min(n, math.floor(tokens - left + 1e-6))
    if granted < 1 then
        granted, why = 0, 'rate'
        wait = math.ceil((left + 1 - tokens) / rate * 1e6)
    end
end
if most > 0 and granted > most - used then
    granted = math.max(0, most - used)
    if granted == 0 then
        why = 'day'
        wait = (today + 1) * 86400 * 1000000 - now
    end
end
redis.call('HSET', key, 'tokens', tostring(tokens - granted), 'at', now, 'day', today, 'used', used + granted)
if learned then redis.call('HSET', key, 'rate', tostring(rate)) end
` + keep + `
return {granted, wait, why, workers, tostring(rate), today}`)

// throttleScript pauses a target for ARGV[1] and halves its rate, once a second at most. ARGV: pause, ceiling, the rate
// that was observed, the least.
var throttleScript = redis.NewScript(prelude + `
local h = redis.call('HMGET', key, 'rate', 'cut', 'until')
local untilWhen = math.max(num(h[3]), now + num(ARGV[1]))
redis.call('HSET', key, 'until', untilWhen, 'tokens', 0, 'at', now)
local rate = num(h[1])
if rate == 0 then rate = num(ARGV[2]) end
if rate == 0 then rate = num(ARGV[3]) end
if now - num(h[2]) >= 1000000 then
    local lower = math.max(num(ARGV[4]), rate / 2)
    if lower < rate then
        redis.call('HSET', key, 'rate', tostring(lower), 'base', tostring(rate), 'cut', now)
        rate = lower
    end
end
` + keep + `
return {untilWhen - now, tostring(rate)}`)

// failScript counts a failure; the limit opens the circuit, and so does any while it is half-open. ARGV: limit, open for.
var failScript = redis.NewScript(prelude + ofCircuit + `
local h = redis.call('HMGET', key, 'open', 'fails', 'failed')
local open, fails = num(h[1]), num(h[2]) + 1
if open > now then return {0, open - now} end
if now - num(h[3]) > num(ARGV[2]) then fails = 1 end
if open > 0 or fails >= num(ARGV[1]) then
    open = now + num(ARGV[2])
    redis.call('HSET', key, 'open', open, 'fails', 0, 'failed', now)
    redis.call('HDEL', key, 'probe')
` + keep + `
    return {fails, num(ARGV[2])}
end
redis.call('HSET', key, 'open', 0, 'fails', fails, 'failed', now)
` + keep + `
return {fails, 0}`)

// okScript ends a row of failures, and closes a circuit that is half-open. One that is open stays so: the call that
// succeeded began before.
var okScript = redis.NewScript(prelude + ofCircuit + `
local open = num(redis.call('HGET', key, 'open'))
if open > now then return open - now end
redis.call('HSET', key, 'open', 0, 'fails', 0)
redis.call('HDEL', key, 'probe')
` + keep + `
return 0`)

// probeScript lets one process through a half-open circuit, for ARGV[1]: 1 and that time; 0 and for how long it is open; 2 if
// there is nothing to probe; 3 and for how long somebody else probes at most.
var probeScript = redis.NewScript(prelude + ofCircuit + `
local h = redis.call('HMGET', key, 'open', 'probe')
local open, probe = num(h[1]), num(h[2])
if open == 0 then return {2, 0} end
if open > now then return {0, open - now} end
if probe > now then return {3, probe - now} end
redis.call('HSET', key, 'probe', now + num(ARGV[1]))
return {1, num(ARGV[1])}`)

// readScript is what is known of a target and a circuit of it, and changes nothing: whether the circuit is known at all, for how long it is
// open (less than 0: half-open since), for how long it is paused, failures, rate, quota.
var readScript = redis.NewScript(prelude + `
local h = redis.call('HMGET', key, 'until', 'rate', 'quota')
local c = redis.call('HMGET', KEYS[2], 'open', 'fails')
local open = num(c[1])
if open > 0 then
    open = open - now
    if open == 0 then open = -1 end
end
return {c[1] and 1 or 0, open, math.max(0, num(h[1]) - now), num(c[2]), h[2] or '0', h[3] or '0'}`)

// quotaScript notes what an account may send a second.
var quotaScript = redis.NewScript(prelude + `
redis.call('HSET', key, 'quota', ARGV[1])
` + keep + `
return 0`)

// run runs a script on keys of a target. A failure to answer leaves Redis alone for a moment.
func (b *Budget) run(ctx context.Context, s *redis.Script, keys []string, args ...any) ([]any, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	answer, err := s.Run(ctx, b.options.Redis, keys, args...).Result()
	b.answered(err)
	if err != nil {
		return nil, fmt.Errorf("share a provider's limits: %w", err)
	}
	if list, ok := answer.([]any); ok {
		return list, nil
	}
	return []any{answer}, nil
}

func number(answer []any, i int) int64 {
	n, _ := answer[i].(int64)
	return n
}

func micros(answer []any, i int) time.Duration {
	return time.Duration(number(answer, i)) * time.Microsecond
}

func float(answer []any, i int) float64 {
	text, _ := answer[i].(string)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return f
}
