package redistest

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/presswork/presswork/internal/testkit"
)

// options are those of the server that the tests use.
func options(t testing.TB) redis.Options {
	t.Helper()
	opts, err := redis.ParseURL(testkit.URL(t, testkit.RedisVariable))
	if err != nil {
		t.Fatalf("read %s: %v", testkit.RedisVariable, err)
	}
	return *opts
}

// numbered is address with another database number: the path of redis:// and
// rediss:// URLs, the parameter db of unix:// ones.
func numbered(address string, number int) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Del("db")
	if u.Scheme == "unix" {
		query.Set("db", strconv.Itoa(number))
	} else {
		u.Path = "/" + strconv.Itoa(number)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
