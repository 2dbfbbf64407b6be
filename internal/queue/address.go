package queue

import (
	"errors"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// PoolSize is how many connections a process may use: to one server, or to each of a Cluster.
const PoolSize = 50

// QuietDriver keeps the driver from writing lines of its own to standard error, which are not ours in form: what it
// says there comes back as errors, too, and is logged with them. It is for the whole program: call it first.
func QuietDriver() { logging.Disable() }

// retries of a command whose connection broke. More would only hide that Redis is away: what fails is tried again by
// who wanted it.
const retries = 1

// parseURL reads where Redis is, and returns how to make a client of it. The forms are go-redis's own, and so are
// their parameters; the ending of the scheme says which of its parsers reads the rest:
//
//	redis://, rediss://, unix://           one server: redis.ParseURL
//	redis-sentinel://, rediss-sentinel://  the master that Sentinels name: redis.ParseFailoverURL
//	redis-cluster://, rediss-cluster://    a Cluster: redis.ParseClusterURL
//
// The error does not quote the address, which has a password.
func parseURL(address string) (func() redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	kind := ""
	if base, ending, found := strings.Cut(scheme, "-"); found {
		address, kind = base+"://"+rest, ending
	}
	switch kind {
	case "sentinel":
		return parseSentinel(address)
	case "cluster":
		return parseCluster(address)
	case "":
		options, err := redis.ParseURL(address)
		if err != nil {
			return nil, errors.New("the Redis URL cannot be read")
		}
		options.PoolSize, options.MaxRetries, options.ContextTimeoutEnabled = PoolSize, retries, true
		return func() redis.UniversalClient { own := *options; return redis.NewClient(&own) }, nil
	default:
		return nil, errors.New("the Redis URL is neither of one server nor redis-sentinel:// nor redis-cluster://")
	}
}

func parseSentinel(address string) (func() redis.UniversalClient, error) {
	options, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read as one of Sentinels")
	}
	if options.MasterName == "" {
		return nil, errors.New("the Redis URL does not say which master the Sentinels watch: master_name is missing")
	}
	if options.ReplicaOnly || options.RouteByLatency || options.RouteRandomly {
		return nil, errors.New("the Redis URL would read from replicas, which may not know yet what the master knows")
	}
	options.PoolSize, options.MaxRetries, options.ContextTimeoutEnabled = PoolSize, retries, true
	return func() redis.UniversalClient { own := *options; return redis.NewFailoverClient(&own) }, nil
}

func parseCluster(address string) (func() redis.UniversalClient, error) {
	options, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be read as one of a Cluster")
	}
	if u, err := url.Parse(address); err != nil || strings.Trim(u.Path, "/0") != "" {
		return nil, errors.New("the Redis URL names a database, and a Cluster has only number 0")
	}
	if options.ReadOnly || options.RouteByLatency || options.RouteRandomly {
		return nil, errors.New("the Redis URL would read from replicas, which may not know yet what the master knows")
	}
	options.PoolSize, options.ContextTimeoutEnabled = PoolSize, true
	return func() redis.UniversalClient { own := *options; return redis.NewClusterClient(&own) }, nil
}
