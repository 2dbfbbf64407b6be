package redistest

import (
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	var taken sync.Map
	for range 100 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			client := Client(t)
			if holder, loaded := taken.LoadOrStore(client.Options().DB, t.Name()); loaded {
				t.Errorf("number %d also belongs to %v", client.Options().DB, holder)
			}
			t.Cleanup(func() { taken.Delete(client.Options().DB) }) // runs before the number is given back
			if n, err := client.Incr(t.Context(), "n").Result(); err != nil || n != 1 {
				t.Errorf("the database was not empty: %d, %v", n, err)
			}
		})
	}
}

func TestFlushedAtTheEnd(t *testing.T) {
	t.Parallel()
	opts := options(t)
	t.Run("inner", func(t *testing.T) {
		client := Client(t)
		opts.DB = client.Options().DB
		if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	})
	client := redis.NewClient(&opts)
	defer client.Close() //nolint:errcheck // only read from
	// Another test may have taken the number since, but none uses this key.
	if n, err := client.Exists(t.Context(), "k").Result(); err != nil || n != 0 {
		t.Errorf("the key is still there: %d, %v", n, err)
	}
}

func TestNumberZeroIsNotGiven(t *testing.T) {
	t.Parallel()
	if url := New(t); strings.HasSuffix(url, "/0") {
		t.Errorf("got %s", url)
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{ //nolint:gosec // made-up passwords
		"redis://localhost:6379":           "redis://localhost:6379/7",
		"redis://:pw@localhost:6379/0":     "redis://:pw@localhost:6379/7",
		"rediss://u:p@cache:6380/3?db=4":   "rediss://u:p@cache:6380/7",
		"unix://:pw@/run/redis.sock?db=12": "unix://:pw@/run/redis.sock?db=7",
	} {
		got, err := numbered(address, 7)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", address, got, err, want)
			continue
		}
		if opts, err := redis.ParseURL(got); err != nil || opts.DB != 7 {
			t.Errorf("%s is not number 7: %v", got, err)
		}
	}
}
