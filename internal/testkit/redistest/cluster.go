package redistest

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// slots is how many hash slots a Cluster has (Redis Cluster specification).
const slots = 16384

// clusterNodes is the least that CLUSTER itself recommends.
const clusterNodes = 3

// Cluster starts a Redis Cluster of three masters and returns its redis-cluster:// URL. It is stopped when the test
// ends. It is empty, and nobody else's.
func Cluster(t testing.TB) string {
	t.Helper()
	nodes := make([]*server, clusterNodes)
	buses := make([]int, clusterNodes)
	for i := range nodes {
		nodes[i] = startServer(t, func(port int) []string {
			buses[i] = freePort(t)
			return []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--cluster-port", strconv.Itoa(buses[i]),
				"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--requirepass", password, "--masterauth", password,
				"--save", "", "--maxmemory-policy", "noeviction"}
		})
	}
	query := url.Values{}
	for i, node := range nodes {
		node.do(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		node.do(t, "CLUSTER", "ADDSLOTSRANGE", i*slots/clusterNodes, (i+1)*slots/clusterNodes-1)
		if i > 0 {
			nodes[0].do(t, "CLUSTER", "MEET", "127.0.0.1", node.port, buses[i])
			query.Add("addr", node.address())
		}
	}
	for _, node := range nodes {
		until(t, "the Cluster", func() bool {
			info, err := node.client.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, "cluster_slots_ok:"+strconv.Itoa(slots)) && strings.Contains(info, "cluster_size:"+strconv.Itoa(clusterNodes))
		})
	}
	u := url.URL{Scheme: "redis-cluster", User: url.UserPassword("", password), Host: nodes[0].address(), RawQuery: query.Encode()}
	return u.String()
}
