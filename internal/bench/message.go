package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	types "github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/sandbox"
)

// messagePatience is how long the messages of a load may take to arrive before the benchmark fails.
const messagePatience = 5 * time.Minute

// receipt is a template as messages have one.
const receipt = `<html><body><h1>Thank you, {{ subscriber.first_name }}</h1>
<p>Your order {{ data.order }} of {{ data.total }} is on its way.</p>
<table>{% for line in data.lines %}<tr><td>{{ line.name }}</td><td>{{ line.price }}</td></tr>{% endfor %}</table>
<p><a href="{{ data.link }}">Look at it</a></p></body></html>`

// messages measures how long a message takes from its 202 to the provider, on a system that has nothing else to do, and how many
// a second come through.
func messages(ctx context.Context, r *runner, s *system) ([]Line, error) {
	if _, err := s.prepare(ctx, "smtp"); err != nil {
		return nil, err
	}
	source := types.TemplateSource{Subject: "Your order {{ data.order }}", HTML: receipt, Text: "Your order {{ data.order }}: {{ data.link }}"}
	if _, err := s.api.CreateTemplate(ctx, types.TemplateInput{Name: "receipt", Channel: types.ChannelKindEmail,
		Languages: map[string]types.TemplateSource{"en": source}}); err != nil {
		return nil, err
	}
	first, err := firstMessage(ctx, r, s)
	if err != nil {
		return nil, err
	}
	rate, err := manyMessages(ctx, r, s)
	return []Line{first, rate}, err
}

func message() types.MessageInput {
	return types.MessageInput{Template: "receipt", To: types.MessageTo{Email: "ann@reader.example", Name: "Ann Reader"},
		Data: map[string]any{"order": 7, "total": "12 €", "link": "https://shop.example/orders/7",
			"lines": []any{map[string]any{"name": "Seeds", "price": "5 €"}, map[string]any{"name": "A spade", "price": "7 €"}}}}
}

func firstMessage(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("idle for %v", r.size.idle)
	if err := wait(ctx, r.size.idle); err != nil {
		return Line{}, err
	}
	var took, whole []time.Duration
	for range r.size.starts {
		begun := time.Now()
		made, err := s.api.SendMessage(ctx, message())
		if err != nil {
			return Line{}, err
		}
		answered := time.Now()
		got, err := s.arrived(ctx, made.ID)
		if err != nil {
			return Line{}, err
		}
		r.logf("at the provider after %v", got.First.Sub(answered).Round(time.Millisecond))
		took, whole = append(took, got.First.Sub(answered)), append(whole, got.First.Sub(begun))
		if err := wait(ctx, r.size.pause); err != nil {
			return Line{}, err
		}
	}
	least, err := s.leastFirst(ctx, r.size.starts)
	if err != nil {
		return Line{}, err
	}
	times, all := newLatency(took), newLatency(whole)
	return Line{
		Name: "message.first", Value: times.P50, Unit: "ms", Latency: times, Limit: least,
		Note: fmt.Sprintf("%d messages, idle for %v before the first and for %v after each, from the 202 to the stand-in's end of the mail; "+
			"from the request on p50 %.1f ms, p99 %.1f ms", r.size.starts, r.size.idle, r.size.pause, all.P50, all.P99),
	}, nil
}

// arrived waits for a message at the stand-in. It asks seldom, so that the question does not disturb what it asks about.
func (s *system) arrived(ctx context.Context, id string) (sandbox.Arrivals, error) {
	for range 100 {
		if err := wait(ctx, time.Second/5); err != nil {
			return sandbox.Arrivals{}, err
		}
		all, err := s.everything(ctx)
		if got := all[id]; err != nil || got.Received > 0 {
			return got, err
		}
	}
	return sandbox.Arrivals{}, errors.New("a message did not arrive within 20 s")
}

// manyMessages lets clients post as fast as they can for a while, and waits until all has arrived. What they post is more than a
// worker sends meanwhile.
func manyMessages(ctx context.Context, r *runner, s *system) (Line, error) {
	body, err := json.Marshal(message())
	if err != nil {
		return Line{}, fmt.Errorf("write a message: %w", err)
	}
	key, err := s.publisher(ctx)
	if err != nil {
		return Line{}, err
	}
	posts := load{addr: s.apiAddr, path: "/api/v1/messages", key: key, body: string(body), clients: r.size.clients}
	var runs []run
	for range r.size.runs {
		before, _, err := s.allArrived(ctx)
		if err != nil {
			return Line{}, err
		}
		begun, one := time.Now(), run{}
		one.used, err = s.using(ctx, func(ctx context.Context) error {
			got, err := posts.run(ctx, r.size.warm)
			one.latencies = got.took
			if err != nil {
				return err
			}
			var last time.Time
			one.units, last, err = s.drained(ctx, before+int64(len(got.took)))
			one.units, one.took = one.units-int(before), last.Sub(begun)
			return err
		})
		if err != nil {
			return Line{}, err
		}
		r.logf("%.0f messages/s", one.rate())
		runs = append(runs, one)
	}
	line := newLine("messages/s", runs)
	line.Name = "message.first.rate"
	line.Note = fmt.Sprintf("%d clients post messages for %v, each with an idempotency key; from the first request to the last message at the "+
		"stand-in; the times are those of the requests", r.size.clients, r.size.warm)
	return line, nil
}

// everything is what the stand-in has, by publication.
func (s *system) everything(ctx context.Context) (map[string]sandbox.Arrivals, error) {
	inbox := newEndpoint(s.sandbox.Inbox, "")
	defer inbox.close()
	var all map[string]sandbox.Arrivals
	err := inbox.call(ctx, http.MethodGet, "/sandbox/first", nil, &all)
	return all, err
}

// allArrived is how many messages the stand-in has, and when the last one came.
func (s *system) allArrived(ctx context.Context) (n int64, last time.Time, err error) {
	all, err := s.everything(ctx)
	if err != nil {
		return 0, last, err
	}
	for _, one := range all {
		if n += one.Received; one.Last.After(last) {
			last = one.Last
		}
	}
	return n, last, nil
}

// drained waits until the stand-in has at least so many, and no more come: an answer may have been lost at the end of a load.
func (s *system) drained(ctx context.Context, want int64) (int, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, messagePatience)
	defer cancel()
	for before := int64(-1); ; {
		n, last, err := s.allArrived(ctx)
		if err != nil || n >= want && n == before {
			return int(n), last, err
		}
		before = n
		if err := wait(ctx, time.Second); err != nil {
			return 0, last, fmt.Errorf("%d of %d messages arrived: %w", n, want, err)
		}
	}
}
