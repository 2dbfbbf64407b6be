package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/presswork/presswork/client"
	types "github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
)

// latency is what the slow stand-in takes for a message.
const latency = 20 * time.Millisecond

// mailFast measures e-mail against a stand-in that is as fast as it can.
func mailFast(ctx context.Context, r *runner, s *system) (Line, error) {
	line, err := mail(ctx, r, s, "smtp", r.size.mails)
	if err != nil {
		return line, err
	}
	letter, err := s.letter(ctx)
	if err != nil {
		return line, err
	}
	line.Bytes = len(letter)
	rate, err := sendBare(ctx, s.sandbox.SMTP, letter, r.size.mails)
	if err != nil {
		return line, fmt.Errorf("measure the limit: %w", err)
	}
	line.Limit = &Limit{rounded(rate, 1), fmt.Sprintf(
		"a message of the same size, made once, to the same stand-in over %d connections, with no database", bareConnections)}
	return line, nil
}

// mailSlow measures it against one that takes its time, with the settings that everybody has by default.
func mailSlow(ctx context.Context, r *runner, s *system) (Line, error) {
	if err := s.slow(ctx, latency); err != nil {
		return Line{}, err
	}
	defaults, err := config.Load(nil)
	if err != nil {
		return Line{}, err
	}
	line, err := mail(ctx, r, s, "smtp", r.size.mails)
	line.Limit = &Limit{
		float64(defaults.Connections) / latency.Seconds(),
		fmt.Sprintf("reckoned: %d connections, the default, each waiting %v for every message", defaults.Connections, latency),
	}
	return line, err
}

// slow has the stand-in take so long for every message.
func (s *system) slow(ctx context.Context, latency time.Duration) error {
	return s.fault(ctx, "smtp", sandbox.Fault{Latency: latency})
}

// fault has a stand-in provider behave so from now on.
func (s *system) fault(ctx context.Context, provider string, f sandbox.Fault) error {
	inbox := newEndpoint(s.sandbox.Inbox, "")
	defer inbox.close()
	return inbox.call(ctx, http.MethodPut, "/sandbox/faults/"+provider, f, nil)
}

// mail publishes to a large audience by a provider, several times, and measures from the request until the
// publication is completed.
func mail(ctx context.Context, r *runner, s *system, provider string, readers int) (Line, error) {
	r.logf("storing %d subscribers", readers)
	if err := s.seed(ctx, readers); err != nil {
		return Line{}, err
	}
	contents, err := s.prepare(ctx, provider)
	if err != nil {
		return Line{}, err
	}
	var runs []run
	for i := range r.size.runs {
		profile := r.profile(ctx, s, i+1)
		one := run{units: readers}
		one.used, err = s.using(ctx, func(ctx context.Context) error {
			one.took, err = s.send(ctx, contents, readers)
			return err
		})
		if err := errors.Join(err, profile()); err != nil {
			return Line{}, err
		}
		r.logf("%.0f messages/s", one.rate())
		runs = append(runs, one)
	}
	line := newLine("messages/s", runs)
	line.Note = fmt.Sprintf("%d messages a run, from the request to the completed publication; each reader greeted by name, "+
		"three of eight articles chosen by topics and language, opens and clicks tracked", readers)
	return line, nil
}

// send publishes to everybody and returns how long it took. It fails unless every reader got one message.
func (s *system) send(ctx context.Context, contents []string, readers int) (time.Duration, error) {
	begun := time.Now()
	made, err := s.api.Publish(ctx, mailing(contents))
	if err != nil {
		return 0, err
	}
	ended, err := s.completed(ctx, made.ID, 200*time.Millisecond)
	if err != nil {
		return 0, err
	}
	got, err := s.arrivals(ctx, made.ID)
	if err != nil {
		return 0, err
	}
	if got.Received != int64(readers) || got.Doubled != 0 {
		return 0, fmt.Errorf("the stand-in got %d messages and %d doubles, not %d", got.Received, got.Doubled, readers)
	}
	return ended.Sub(begun), nil
}

// completed waits for a publication's end and returns when that was, by the database's clock: the same
// machine's.
func (s *system) completed(ctx context.Context, id string, period time.Duration) (time.Time, error) {
	p, err := client.Last(s.api.Watch(ctx, id, period), func(types.Progress) {})
	if err != nil {
		return time.Time{}, err
	}
	if p.State != "completed" || p.CompletedAt == nil {
		return time.Time{}, fmt.Errorf("publication %s is %s: %+v", id, p.State, p.All)
	}
	if p.All.Uncertain > 0 {
		fmt.Fprintf(s.log, "publication %s: %d messages are uncertain\n", id, p.All.Uncertain)
	}
	return *p.CompletedAt, nil
}

// arrivals is what the stand-in got of a publication.
func (s *system) arrivals(ctx context.Context, id string) (sandbox.Arrivals, error) {
	var got sandbox.Arrivals
	inbox := newEndpoint(s.sandbox.Inbox, "")
	defer inbox.close()
	err := inbox.call(ctx, http.MethodGet, "/sandbox/first?publication="+id, nil, &got)
	return got, err
}

// letter is one of the last messages, as the stand-in got it.
func (s *system) letter(ctx context.Context) (string, error) {
	inbox := newEndpoint(s.sandbox.Inbox, "")
	defer inbox.close()
	var last []named
	if err := inbox.call(ctx, http.MethodGet, "/sandbox/messages?channel=email&limit=1", nil, &last); err != nil {
		return "", err
	}
	if len(last) == 0 {
		return "", errors.New("the stand-in kept no message")
	}
	var one struct {
		Source string `json:"source"`
	}
	err := inbox.call(ctx, http.MethodGet, "/sandbox/messages/"+last[0].ID, nil, &one)
	return one.Source, err
}
