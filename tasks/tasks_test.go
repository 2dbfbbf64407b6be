package tasks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// golden is every payload as this version writes it. The files never change: a new payload version
// gets a new file, and the old ones still have to decode.
var golden = []struct {
	file   string
	args   Args
	kind   Kind
	id     string
	queues [3]string // critical, normal, bulk
	decode func([]byte) (Args, error)
}{
	{"render.v1.json", NewRender(41, 2), "render", "r:41:2", [3]string{"critical", "render", "render-bulk"}, as[Render]},
	{"personalize.v1.json", NewPersonalize(7, 3), "personalize", "p:7:3", [3]string{"critical", "personalize", "personalize-bulk"}, as[Personalize]},
	{"send-email.v1.json", send("email"), "send-email", "b:99:1", [3]string{"critical", "email", "email-bulk"}, as[SendEmail]},
	{"send-newsletter.v1.json", send("newsletter"), "send-newsletter", "b:99:1", [3]string{"critical", "newsletter", "newsletter-bulk"}, as[SendNewsletter]},
	{"send-slack.v1.json", send("slack"), "send-slack", "b:99:1", [3]string{"critical", "slack", "slack"}, as[SendSlack]},
	{"send-discord.v1.json", send("discord"), "send-discord", "b:99:1", [3]string{"critical", "discord", "discord"}, as[SendDiscord]},
	{"send-webhook.v1.json", send("webhook"), "send-webhook", "b:99:1", [3]string{"critical", "webhook", "webhook"}, as[SendWebhook]},
	{"aggregate-analytics.v1.json", NewAggregateAnalytics(time.Unix(1700000000, 0)), "aggregate-analytics", "a:1700000000", [3]string{"analytics", "analytics", "analytics"}, as[AggregateAnalytics]},
}

func send(channel string) Args {
	args, err := NewSend(channel, 99, 1)
	if err != nil {
		panic(err)
	}
	return args
}

func as[T Args](payload []byte) (Args, error) { return Decode[T](payload) }

func TestGoldenPayloads(t *testing.T) {
	t.Parallel()
	for _, g := range golden {
		t.Run(g.file, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", g.file))
			if err != nil {
				t.Fatal(err)
			}
			task, err := New(g.args, LaneNormal)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(task.Payload) + "\n"; got != string(want) {
				t.Errorf("payload %s, golden %s", got, want)
			}
			back, err := g.decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, g.args) {
				t.Errorf("decoded %+v, want %+v", back, g.args)
			}
			if task.Kind != g.kind || task.ID != g.id || g.args.Kind() != g.kind {
				t.Errorf("kind %q id %q, want %q %q", task.Kind, task.ID, g.kind, g.id)
			}
			for lane, queue := range g.queues {
				if got := g.args.Queue(Lane(lane)); got != queue {
					t.Errorf("lane %s: queue %q, want %q", Lane(lane), got, queue)
				}
				if _, known := Queues()[queue]; !known {
					t.Errorf("queue %q has no weight", queue)
				}
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{``, `null`, `[]`, `{}`, `{"v":0}`, `{"v":2,"batch":1}`, `{"v":1,"batch":"x"}`} {
		if got, err := Decode[SendEmail]([]byte(payload)); err == nil {
			t.Errorf("%s decoded as %+v", payload, got)
		}
	}
	if _, err := NewSend("carrier-pigeon", 1, 1); err == nil {
		t.Error("an unknown channel has a send task")
	}
}

func FuzzDecode(f *testing.F) {
	for _, g := range golden {
		payload, err := json.Marshal(g.args)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		args, err := Decode[SendEmail](payload)
		if err != nil {
			return
		}
		again, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode[SendEmail](again); err != nil || back != args {
			t.Errorf("%+v came back as %+v, %v", args, back, err)
		}
	})
}
