package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/provider/attempt"
)

// sender posts to one endpoint: a channel's messages, or a webhook.
type sender struct {
	session  *discordgo.Session
	endpoint string
	// enforceNonce sends a nonce that Discord keeps unique for some minutes; webhooks do not take one.
	enforceNonce bool
	// hook: there is none any more if Discord does not find it.
	hook bool
	// emptyUntil is when the endpoint's rate limit is refilled, in Unix nanoseconds.
	emptyUntil atomic.Int64
}

// Send posts m.Post. When the last answer said that the rate limit is used up it makes no request, and
// returns fault.Wait at once: Discord bans clients that run into 429 again and again
// (https://discord.com/developers/docs/topics/rate-limits).
func (s *sender) Send(ctx context.Context, m *channel.Message) error {
	if wait := time.Until(time.Unix(0, s.emptyUntil.Load())); wait > 0 {
		return fault.WaitFor(wait, "rate_limited", nil)
	}
	message, err := compose(m, s.enforceNonce)
	if err != nil {
		return err
	}
	body, err := json.Marshal(message)
	if err != nil {
		return fault.Wrap(err, fault.GiveUp, "invalid_message")
	}
	ctx, a := attempt.Start(ctx, m.ID)
	_, err = s.request(ctx, http.MethodPost, s.endpoint, body)
	s.noteLimit(a.Header())
	if err == nil {
		return nil
	}
	var limited *discordgo.RateLimitError
	if errors.As(err, &limited) && limited.RetryAfter > 0 {
		wait := attempt.Seconds(limited.RetryAfter.Seconds())
		s.holdFor(wait)
		return fault.WaitFor(wait, "rate_limited", nil)
	}
	if s.hook && (a.Status() == http.StatusNotFound || a.Status() == http.StatusGone) {
		return fault.New(fault.GiveUp, channel.CodeGone, "Discord knows no such webhook any more.")
	}
	return a.Fault(err)
}

// request makes one request in a bucket of its own: discordgo holds a bucket's lock for the whole
// request, and sleeps with it when the limit is used up, deaf to ctx.
func (s *sender) request(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	bucket := discordgo.NewRatelimiter().LockBucket(url)
	return s.session.RequestWithLockedBucket(method, url, "application/json", body, bucket, 0, discordgo.WithContext(ctx))
}

// noteLimit remembers until when an answer says that no request is left.
func (s *sender) noteLimit(h http.Header) {
	if h.Get("X-RateLimit-Remaining") != "0" {
		return
	}
	if seconds, err := strconv.ParseFloat(h.Get("X-RateLimit-Reset-After"), 64); err == nil {
		s.holdFor(attempt.Seconds(seconds))
	}
}

func (s *sender) holdFor(d time.Duration) { s.emptyUntil.Store(time.Now().Add(d).UnixNano()) }

// Close lets go of connections.
func (s *sender) Close() error {
	s.session.Client.CloseIdleConnections()
	return nil
}
