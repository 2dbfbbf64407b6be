package queue

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"redis://:p@h:6379/3":       "h:6379/3",
		"rediss://u:p@h":            "h:6379/0 tls",
		"unix:///run/redis?db=2":    "/run/redis/2",
		"redis://h?read_timeout=2s": "h:6379/0",
		"redis-sentinel://:s@h1:26379/3?master_name=m&password=p&addr=h2:26379": "FailoverClient/3",
		"rediss-sentinel://h1:26379?master_name=m":                              "FailoverClient/0 tls",
		"redis-cluster://u:p@h1:6379?addr=h2:6379":                              "h1:6379 h2:6379",
		"rediss-cluster://h1/0":                                                 "h1:6379 tls",
	} {
		connect, err := parseURL(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		client := connect()
		if got := described(client); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// described is what a test can see of a client.
func described(client redis.UniversalClient) string {
	var text string
	var tls bool
	switch c := client.(type) {
	case *redis.Client:
		text, tls = c.Options().Addr+"/"+string(rune('0'+c.Options().DB)), c.Options().TLSConfig != nil
	case *redis.ClusterClient:
		text, tls = strings.Join(c.Options().Addrs, " "), c.Options().TLSConfig != nil
	}
	if tls {
		text += " tls"
	}
	return text
}

func TestURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                   "cannot be read",
		"mailto:nobody":                      "cannot be read",
		"http://h":                           "cannot be read",
		"redis://h/x":                        "cannot be read",
		"redis-sentinel://h":                 "master_name",
		"redis-sentinel://h/x?master_name=m": "as one of Sentinels",
		"http-sentinel://h?master_name=m":    "as one of Sentinels",
		"redis-sentinel://h?master_name=m&replica_only=true": "replicas",
		"redis-cluster://h?adress=h2:6379":                   "as one of a Cluster",
		"unix-cluster://h":                                   "as one of a Cluster",
		"redis-cluster://h/1":                                "only number 0",
		"redis-cluster://h?read_only=true":                   "replicas",
		"redis-socket://h":                                   "neither",
	} {
		if _, err := parseURL(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want it to say %q", address, err, want)
		}
	}
}

// FuzzParseURL: no address panics, none that is taken has no client, and no error quotes the password.
func FuzzParseURL(f *testing.F) {
	for _, address := range []string{"redis://:hunter2@h/0", "redis-sentinel://:hunter2@h/0?master_name=m", "redis-cluster://:hunter2@h?addr=x",
		"rediss-cluster://hunter2", "unix://hunter2", "-://hunter2", "redis-sentinel://h?hunter2=1", "://"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		connect, err := parseURL(address)
		if err != nil {
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
			return
		}
		if err := connect().Close(); err != nil {
			t.Error(err)
		}
	})
}
