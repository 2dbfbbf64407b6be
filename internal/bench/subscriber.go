package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	types "github.com/presswork/presswork/client/api"
	"github.com/presswork/presswork/internal/subscriber"
)

// subscriberSearch measures how long it takes to find readers among many by the beginning of their addresses, of any length.
func subscriberSearch(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers", r.size.many)
	if err := s.seed(ctx, r.size.many); err != nil {
		return Line{}, err
	}
	chance := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // chance that can be repeated is what is wanted
	var took []time.Duration
	for i := range r.size.searches + warmSearches {
		address := fmt.Sprintf("reader-%07d@example.net", chance.IntN(r.size.many))
		prefix := address[:len("reader-")+chance.IntN(len("0000000@e"))]
		begun := time.Now()
		page, err := s.api.ListSubscribers(ctx, types.ListSubscribersParams{Email: prefix, Limit: 50})
		if err != nil {
			return Line{}, err
		}
		if len(page.Items) == 0 || !strings.HasPrefix(page.Items[0].Email, prefix) {
			return Line{}, fmt.Errorf("%d are found who begin with %s", len(page.Items), prefix)
		}
		if i >= warmSearches {
			took = append(took, time.Since(begun))
		}
	}
	times := newLatency(took)
	return Line{Value: times.P95, Unit: "ms at p95", Latency: times,
		Note: fmt.Sprintf("%d requests one after the other, each for a page of 50 of %d subscribers by the first 7 to 15 characters of their addresses, noted in "+
			"the audit log as all looking at readers is", r.size.searches, r.size.many)}, nil
}

// warmSearches are before it is measured: connections and statements are made then.
const warmSearches = 20

// subscriberImport measures how many lines a second are imported by the API beside the many that are there.
func subscriberImport(ctx context.Context, r *runner, s *system) (Line, error) {
	r.logf("storing %d subscribers", r.size.many)
	if err := s.seed(ctx, r.size.many); err != nil {
		return Line{}, err
	}
	var runs []run
	for n := range r.size.runs {
		file, err := newcomers(n, r.size.lines)
		if err != nil {
			return Line{}, err
		}
		one := run{units: r.size.lines}
		one.used, err = s.using(ctx, func(ctx context.Context) error {
			begun := time.Now()
			report, err := s.api.ImportSubscribers(ctx, types.ImportSubscribersParams{}, strings.NewReader(file))
			one.took = time.Since(begun)
			if err == nil && report.Created != r.size.lines {
				err = fmt.Errorf("%d of %d lines were stored", report.Created, r.size.lines)
			}
			return err
		})
		if err != nil {
			return Line{}, err
		}
		r.logf("%d lines in %v", one.units, one.took.Round(time.Millisecond))
		runs = append(runs, one)
	}
	line := newLine("lines/s", runs)
	line.Note = fmt.Sprintf("files of %d new readers each with a name, two topics at most and two attributes, by the API, beside %d who are there", r.size.lines, r.size.many)
	return line, nil
}

// newcomers is a file of readers who are not there yet.
func newcomers(n, lines int) (string, error) {
	var file strings.Builder
	out, err := subscriber.NewExport(&file, []string{"city", "orders"})
	if err != nil {
		return "", err
	}
	invent := inventor()
	for i := range lines {
		s := invent(i)
		s.Email = fmt.Sprintf("new-%d-%s", n, s.Email)
		if err := out.Write(s); err != nil {
			return "", err
		}
	}
	err = out.Flush()
	return file.String(), err
}
