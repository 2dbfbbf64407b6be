package events

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
	"github.com/presswork/presswork/internal/provider/attempt"
	"github.com/presswork/presswork/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const delivered = before + tags + `},"eventType":"Delivery","delivery":{"timestamp":"2026-08-05T00:41:02.669Z"}}`

// taken is what was stored.
type taken struct {
	mu   sync.Mutex
	list []feedback.Event
	err  error
}

func (t *taken) Take(_ context.Context, events []feedback.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.list = append(t.list, events...)
	}
	return t.err
}

func (t *taken) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.list)
}

func start(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func hookOf(s *sandbox.Sandbox, to Taker) *Hook {
	trust := Standin(s.URL() + "/sns/")
	return NewHook(HookOptions{Topics: []string{sandbox.SESTopic}, Trust: trust, Taker: to, Log: zap.NewNop()})
}

// closeIdle lets go of the connections of a trust's client.
func closeIdle(t *testing.T, h *Hook) {
	t.Helper()
	if s, ok := h.Trust.(*standin); ok {
		t.Cleanup(s.client.CloseIdleConnections)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1", "2"} {
		s, store := start(t), &taken{}
		h := hookOf(s, store)
		closeIdle(t, h)
		if err := s.ReportSES(t.Context(), sandbox.SESReports{SignatureVersion: version}); err != nil {
			t.Fatal(err)
		}
		body, err := s.Notification(delivered, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := h.Receive(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
		if store.count() != 2 {
			t.Errorf("version %s: %d events", version, store.count())
		}
		for _, text := range []string{"hello", "Successfully validated SNS topic for Amazon SES event publishing."} {
			if body, err = s.Notification(text, time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := h.Receive(t.Context(), body); err != nil || store.count() != 2 {
				t.Errorf("%s: %v, %d events", text, err, store.count())
			}
		}
		store.err = fault.New(fault.Unavailable, "away", "")
		if body, err = s.Notification(delivered, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := h.Receive(t.Context(), body); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the store was away: %v", err)
		}
	}
}

func TestForged(t *testing.T) {
	t.Parallel()
	s, store := start(t), &taken{}
	h := hookOf(s, store)
	closeIdle(t, h)
	at := func(at time.Time) []byte {
		t.Helper()
		body, err := s.Notification(delivered, at)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for what, change := range map[string]func(e map[string]string){
		"message":    func(e map[string]string) { e["Message"] += " " },
		"topic":      func(e map[string]string) { e["TopicArn"] += "x" },
		"type":       func(e map[string]string) { e["Type"] = "UnsubscribeConfirmation" },
		"other type": func(e map[string]string) { e["Type"] = "Gossip" },
		"subject":    func(e map[string]string) { delete(e, "Subject") },
		"time":       func(e map[string]string) { e["Timestamp"] = "yesterday" },
		"version":    func(e map[string]string) { e["SignatureVersion"] = "2" },
		"no version": func(e map[string]string) { e["SignatureVersion"] = "3" },
		"signature":  func(e map[string]string) { e["Signature"] = "AAAA" },
		"no base64":  func(e map[string]string) { e["Signature"] = "!" },
		"certificate": func(e map[string]string) {
			e["SigningCertURL"] = "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem"
		},
		"no such": func(e map[string]string) { e["SigningCertURL"] = s.URL() + "/sns/none.pem" },
		"no pem":  func(e map[string]string) { e["SigningCertURL"] = s.URL() + "/sns/confirm" },
	} {
		var e map[string]string
		if err := json.Unmarshal(at(time.Now()), &e); err != nil {
			t.Fatal(err)
		}
		change(e)
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from memory
			if err := h.Receive(t.Context(), body); !fault.Is(err, fault.Forbidden) || strings.Contains(fault.CodeOf(err), "@") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for what, body := range map[string][]byte{"old": at(time.Now().Add(-61 * time.Minute)), "ahead": at(time.Now().Add(time.Hour))} {
		if err := h.Receive(t.Context(), body); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "{}", "hello", `{"Type":"Notification"}`} {
		if err := h.Receive(t.Context(), []byte(text)); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if store.count() != 0 {
		t.Errorf("%d forged events were taken", store.count())
	}
}

// unreachable is SNS while it is away.
type unreachable struct{ Trust }

func (unreachable) Confirm(context.Context, string) error { return errors.New("no route") }

func TestSubscription(t *testing.T) {
	t.Parallel()
	s := start(t)
	h := hookOf(s, &taken{})
	closeIdle(t, h)
	serve(t, h, func(address string) {
		if err := s.ReportSES(t.Context(), sandbox.SESReports{Hook: address, SignatureVersion: "2"}); err != nil {
			t.Error(err)
		}
		if err := s.ReportSES(t.Context(), sandbox.SESReports{Hook: address, Topic: sandbox.SESTopic + "-of-others"}); err == nil {
			t.Error("a topic of others was confirmed")
		}
	})
	away := hookOf(s, &taken{})
	closeIdle(t, away)
	away.Trust = unreachable{away.Trust}
	serve(t, away, func(address string) {
		if err := s.ReportSES(t.Context(), sandbox.SESReports{Hook: address}); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("while SNS was away: %v", err)
		}
	})
}

func TestQueue(t *testing.T) { //nolint:paralleltest // sets the environment
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_CONFIG_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	s, store := start(t), &taken{}
	o := QueueOptions{URL: s.SQSQueueURL(), Network: attempt.Network{AllowPrivate: true}, Taker: store, Log: zap.NewNop()}
	q, err := OpenQueue(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := s.Notification(delivered, time.Now().Add(-48*time.Hour)) // as old as a queue lets it become
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{delivered, string(wrapped), "hello", delivered} {
		s.SendSQS(body)
	}
	for s.SQSDepth() > 0 {
		if err := q.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if store.count() != 3 {
		t.Errorf("%d events", store.count())
	}
	store.err = fault.New(fault.Unavailable, "away", "")
	s.SendSQS(delivered)
	if err := q.round(t.Context()); err != nil || s.SQSDepth() != 1 {
		t.Errorf("%v; %d in the queue, though nothing was stored", err, s.SQSDepth())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q.Run(ctx)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://sqs.eu-central-1.amazonaws.com/1/q":      {"eu-central-1", ""},
		"https://sqs.cn-north-1.amazonaws.com.cn/1/q":     {"cn-north-1", ""},
		"http://127.0.0.1:4566/1/q":                       {"", "http://127.0.0.1:4566"},
		"https://vpce-1.sqs.us-east-1.vpce.amazonaws.com": {"", "https://vpce-1.sqs.us-east-1.vpce.amazonaws.com"},
	} {
		region, endpoint, err := locate(address)
		if err != nil || region != want[0] || endpoint != want[1] {
			t.Errorf("%s: %q, %q, %v", address, region, endpoint, err)
		}
	}
	if _, _, err := locate("queue"); err == nil {
		t.Error("no URL was taken")
	}
}
