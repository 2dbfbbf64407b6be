// Package tasks holds the typed tasks that travel through Presswork's queues, and nothing else: it
// uses the standard library only, so that other Go programs can import it to enqueue or to inspect.
//
// A task carries ids, never content and never personal data. It is a nudge: PostgreSQL knows what is
// owed, so a task may be lost, doubled, late or stale, and the outcome is the same. Payloads are
// versioned JSON; the golden files in testdata prove that payloads queued by older builds still decode.
package tasks

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind names what a task does. Kinds are matched exactly, never by prefix.
type Kind string

// The kinds of tasks.
const (
	KindRender             Kind = "render"
	KindPersonalize        Kind = "personalize"
	KindSendEmail          Kind = "send-email"
	KindSendNewsletter     Kind = "send-newsletter"
	KindSendSlack          Kind = "send-slack"
	KindSendDiscord        Kind = "send-discord"
	KindSendWebhook        Kind = "send-webhook"
	KindAggregateAnalytics Kind = "aggregate-analytics"
)

// Version is the payload version that this build writes. It reads this one and all before it.
const Version = 1

// Task is a task ready to be enqueued.
type Task struct {
	// ID is unique among the tasks that wait or run: enqueuing the same ID again is the same task.
	ID      string
	Kind    Kind
	Queue   string
	Payload []byte
	// NotBefore delays the task; the zero time means at once.
	NotBefore time.Time
	// TraceParent is the span that the task follows from, in W3C's form (Trace Context, 3.2); "" for none. It travels
	// beside the payload, not in it.
	TraceParent string
}

// Committed is a task that committed to PostgreSQL with the state it follows from, and is still to be
// enqueued.
type Committed struct {
	Row  int64
	Task Task
}

// Args is the payload of one kind of task.
type Args interface {
	// Kind is the task's kind.
	Kind() Kind
	// ID is the task's id: equal payloads have equal ids.
	ID() string
	// Queue is where the task belongs in a lane.
	Queue(Lane) string
}

// New makes a task of its payload, for a lane.
func New(args Args, lane Lane) (Task, error) {
	payload, err := json.Marshal(args)
	if err != nil {
		return Task{}, fmt.Errorf("encode %s: %w", args.Kind(), err)
	}
	return Task{ID: args.ID(), Kind: args.Kind(), Queue: args.Queue(lane), Payload: payload}, nil
}

// Decode reads a payload written by this build or an older one.
func Decode[T Args](payload []byte) (T, error) {
	var args T
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(payload, &head); err != nil {
		return args, fmt.Errorf("decode %s: %w", args.Kind(), err)
	}
	if head.Version < 1 || head.Version > Version {
		return args, fmt.Errorf("decode %s: payload version %d, this build reads 1 to %d", args.Kind(), head.Version, Version)
	}
	if err := json.Unmarshal(payload, &args); err != nil {
		return args, fmt.Errorf("decode %s: %w", args.Kind(), err)
	}
	return args, nil
}
