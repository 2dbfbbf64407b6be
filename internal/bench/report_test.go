package bench

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/postgres/bare"
)

func TestNewLine(t *testing.T) {
	t.Parallel()
	cpu := func(ms int64) usage {
		used := time.Duration(ms) * time.Millisecond
		return usage{
			cpu: map[part]time.Duration{
				worker: used, postgreSQL: 2 * used, redisServer: used / 10,
				api: time.Millisecond, sandboxServer: 3 * used,
			},
			peak: map[part]int64{worker: ms << 20, api: 150 << 20, sandboxServer: 900 << 20},
		}
	}
	line := newLine("messages/s", []run{
		{units: 1000, took: 2 * time.Second, used: cpu(300)},
		{units: 1000, took: time.Second, used: cpu(100), latencies: []time.Duration{time.Millisecond, 3 * time.Millisecond}},
		{units: 1000, took: 1250 * time.Millisecond, used: cpu(120)},
	})
	line.Name = "email.test"
	line.Limit = &Limit{5000, "less"}
	line.Settings = Settings{bare.Durability{Version: "17", Fsync: "on", SynchronousCommit: "on", FullPageWrites: "on"}, true, "appendonly", 2}
	got, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"email.test","value":1000,"unit":"messages/s","runs":[500,1000,800],"spread_percent":50,` +
		`"p50_ms":1,"p95_ms":3,"p99_ms":3,` +
		`"cpu_us":310,"cpu_us_worker":100,"cpu_us_postgres":200,"cpu_us_redis":10,` +
		`"cpu_us_api":1,"cpu_us_scheduler":0,"cpu_us_sandbox":300,"cpu_us_bench":0,"rss_mb":300,"rss_process":"worker",` +
		`"limit":5000,"limit_work":"less",` +
		`"settings":{"postgresql":"17","fsync":"on","synchronous_commit":"on","full_page_writes":"on","on_disk":true,` +
		`"redis":"appendonly","cores":2}}`
	if string(got) != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// Where CPU and memory cannot be measured, their fields are not there.
func TestNewLineUnmeasured(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(newLine("x/s", []run{{units: 3, took: time.Second}}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"","value":3,"unit":"x/s","runs":[3],"spread_percent":0,` +
		`"settings":{"postgresql":"","fsync":"","synchronous_commit":"","full_page_writes":"","on_disk":false,"redis":"","cores":0}}`
	if string(got) != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
