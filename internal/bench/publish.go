package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	types "github.com/presswork/presswork/client/api"
)

// publishScheduled measures how many publications the API accepts a second. They are for tomorrow: stored,
// durable and audited, but not sent, so that the line is about accepting alone.
func publishScheduled(ctx context.Context, r *runner, s *system) (Line, error) {
	tomorrow := time.Now().Add(24 * time.Hour).UTC()
	line, err := publish(ctx, r, s, &tomorrow)
	line.Note = fmt.Sprintf("%d clients on connections that are kept, each publication with an idempotency key, scheduled for "+
		"tomorrow: stored and not sent; one request in %d repeats the one before and its key: it is timed, and not counted as a publication",
		r.size.clients, repeatEvery)
	return line, err
}

// publisher is an API key as a backend has one, with a limit that nobody reaches: its look-up, its permissions and its count
// are part of what is measured. The admin key would have none of them.
func (s *system) publisher(ctx context.Context) (string, error) {
	made, err := s.api.CreateAPIKey(ctx, types.APIKeyInput{Name: "bench", Role: types.RolePublisher, RatePerHour: 100_000_000})
	if err != nil {
		return "", fmt.Errorf("make an API key: %w", err)
	}
	return made.Key, nil
}

// publishQueued measures the same while the worker and the scheduler send what was accepted.
func publishQueued(ctx context.Context, r *runner, s *system) (Line, error) {
	line, err := publish(ctx, r, s, nil)
	line.Note = fmt.Sprintf("%d clients, publications to be sent at once to one reader over the placeholder provider, "+
		"while the worker and the scheduler work on them; one request in %d repeats the one before and its key, and is not counted",
		r.size.clients, repeatEvery)
	return line, err
}

// repeatEvery is how many requests of a client there are for one that repeats another, as clients do that got no answer.
const repeatEvery = 10

func publish(ctx context.Context, r *runner, s *system, scheduleAt *time.Time) (Line, error) {
	if err := s.seed(ctx, 1); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, "placeholder")
	if err != nil {
		return Line{}, err
	}
	request := mailing(contents[:1])
	if scheduleAt != nil {
		request.ScheduleAt = scheduleAt.Format(time.RFC3339)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return Line{}, fmt.Errorf("write a publication: %w", err)
	}
	key, err := s.publisher(ctx)
	if err != nil {
		return Line{}, err
	}
	posts := load{addr: s.apiAddr, path: "/api/v1/publications", key: key, body: string(body), clients: r.size.clients}
	limit, err := limitOfPosts(ctx, r, s, posts)
	if err != nil {
		return Line{}, err
	}
	posts.repeat = repeatEvery
	if _, err := posts.run(ctx, r.size.warm); err != nil {
		return Line{}, err
	}
	var runs []run
	for range r.size.runs {
		one := run{took: r.size.load}
		one.used, err = s.using(ctx, func(ctx context.Context) error {
			got, err := posts.run(ctx, r.size.load)
			one.units, one.latencies = got.made(), got.took
			return err
		})
		if err != nil {
			return Line{}, err
		}
		r.logf("%.0f publications/s", one.rate())
		runs = append(runs, one)
	}
	line := newLine("publications/s", runs)
	line.Limit = limit
	if line.Cost != nil && scheduleAt != nil {
		line.Parts, err = r.partsOf(ctx, s, posts, line.API)
	}
	return line, err
}

// limitOfPosts lets the same clients post the same document to a bare server.
func limitOfPosts(ctx context.Context, r *runner, s *system, posts load) (*Limit, error) {
	server, err := startBareServer(ctx, s.stack.DatabaseURL())
	if err != nil {
		return nil, err
	}
	defer server.stop()
	posts.addr = server.addr
	if _, err := posts.run(ctx, r.size.warm); err != nil {
		return nil, err
	}
	got, err := posts.run(ctx, r.size.load)
	if err != nil {
		return nil, err
	}
	limit := rounded(float64(got.made())/r.size.load.Seconds(), 1)
	r.logf("limit %.0f/s", limit)
	return &Limit{limit, "the same clients and document, each post one committed INSERT by a bare net/http server"}, nil
}
