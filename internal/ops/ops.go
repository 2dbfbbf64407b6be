// Package ops is the second listener, which only operators and their machines reach: metrics, profiles, the queues
// (Asynqmon), and what autoscaling goes by. Everything but the two probes needs the admin API key.
package ops

import (
	"context"
	"fmt"
	"net/http"
	"net/http/pprof"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
)

// Connector is asynq's RedisConnOpt, as the queue is one.
type Connector interface {
	// MakeRedisClient makes a new redis.UniversalClient, which belongs to the caller.
	MakeRedisClient() any
}

// Deps is what the listener shows.
type Deps struct {
	// Metrics answers /metrics; nil: not there.
	Metrics http.Handler
	// Redis is where the queues are. Asynqmon gets clients of its own, which connect when they are needed.
	Redis Connector
	// Auth tells who asks. Every route is for who has auth.OpsAccess, and shows it as a bearer token or as the password
	// of HTTP Basic with any user name.
	Auth Authenticator
	// Refused is told of every credential that was not accepted, and the address that it came from; nil: nobody is.
	Refused func(ctx context.Context, r auth.Refusal, network string)
	// Ready says what /readyz answers with 200; on an error it is 503, with the same body if there is one.
	// Everybody may ask; known says that this one may use the listener. nil: always ready.
	Ready func(ctx context.Context, known bool) (any, error)
	// Pools answers /autoscale/v1/pools; nil: not there.
	Pools Pools
	// Worker answers /drain; nil: not there.
	Worker Drainer
	// Log takes refused requests and failed probes; nil: nothing is logged.
	Log *zap.Logger
}

// Handler answers the requests of operators. It is safe for concurrent use.
type Handler struct {
	http.Handler
	queues *queues
}

// New is the operators' handler. It makes no network call; an error is one of the build. Profiles and
// traces take as long as their parameter seconds says: the server's write timeout must leave room for that.
func New(d Deps) (*Handler, error) {
	if d.Log == nil {
		d.Log = zap.NewNop()
	}
	q, err := newQueues(d.Redis)
	if err != nil {
		return nil, err
	}
	index, err := indexPage()
	if err != nil {
		return nil, fmt.Errorf("make the index page: %w", err)
	}
	inner := http.NewServeMux()
	inner.Handle("GET /{$}", index)
	inner.Handle("/queues", q)
	inner.Handle("/queues/", q)
	if d.Metrics != nil {
		inner.Handle("GET /metrics", d.Metrics)
	}
	if d.Pools != nil {
		autoscale{d.Pools, d.Log}.register(inner)
	}
	if d.Worker != nil {
		registerDrain(inner, d.Worker)
	}
	inner.HandleFunc("/debug/pprof/", pprof.Index)
	inner.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	inner.HandleFunc("/debug/pprof/profile", pprof.Profile)
	inner.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	inner.HandleFunc("/debug/pprof/trace", pprof.Trace)

	g := guard{d.Auth, d.Refused, d.Log}
	outer := http.NewServeMux()
	outer.HandleFunc("GET /healthz", healthy)
	outer.Handle("GET /readyz", ready(d.Ready, g, d.Log))
	outer.Handle("/", sameOrigin(g.authenticate(inner), d.Log))
	return &Handler{Handler: protect(outer), queues: q}, nil
}

// Close lets go of the connections to Redis.
func (h *Handler) Close() error { return h.queues.Close() }
