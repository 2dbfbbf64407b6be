package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// failingSubscribers gives full pages until it fails.
type failingSubscribers struct {
	SubscriberStore
	pages    int
	accessed error
	names    int
}

func (f *failingSubscribers) AttributeNames(context.Context, int) ([]string, error) {
	return make([]string, f.names), nil
}

func (f *failingSubscribers) RecordAccess(context.Context, string, ident.UID, int) error {
	return f.accessed
}

func (f *failingSubscribers) ListSubscribers(_ context.Context, _ subscriber.Filter, after subscriber.Position, limit int) ([]subscriber.Subscriber, error) {
	if f.pages--; f.pages < 0 {
		return nil, fault.New(fault.Unavailable, "database_unavailable", "")
	}
	page := make([]subscriber.Subscriber, limit)
	for i := range page {
		page[i] = subscriber.Subscriber{ID: after.ID + int64(i) + 1, Email: fmt.Sprintf("r%d@x.org", i),
			Status: subscriber.Active, Topics: []string{}, Attributes: map[string]any{}, Version: 1}
	}
	return page, nil
}

func serveSubscribers(t *testing.T, f *failingSubscribers) *api {
	t.Helper()
	return serve(t, nil, func(d *Deps) { d.Subscribers = f })
}

func TestExportFailsBeforeItBegins(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/subscribers/export"
	r := serveSubscribers(t, &failingSubscribers{}).do("GET", path, nil)
	r.problem(http.StatusServiceUnavailable, "database_unavailable")
	if r.Header.Get("Content-Disposition") != "" {
		t.Error("a problem is to be saved as a file")
	}
	serveSubscribers(t, &failingSubscribers{accessed: errors.New("no audit")}).do("GET", path, nil).problem(500, "internal")
	serveSubscribers(t, &failingSubscribers{names: exportAttributes + 1}).do("GET", path, nil).problem(409, "too_many_attributes")
}

// A part of an export must not look like the whole: the connection is cut.
func TestExportFailsOnItsWay(t *testing.T) {
	t.Parallel()
	a := serveSubscribers(t, &failingSubscribers{pages: 2})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/api/v1/subscribers/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", testKey)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil {
		t.Errorf("%d bytes came to a good end", len(body))
	}
	if strings.Contains(string(body), "problems") {
		t.Error("a problem stands in the file")
	}
	if len(a.log.FilterMessage("request").All()) != 1 {
		t.Error("the request is not in the log")
	}
}

// Personal data that cannot be accounted for is not shown.
func TestAccessThatCannotBeNotedIsRefused(t *testing.T) {
	t.Parallel()
	a := serveSubscribers(t, &failingSubscribers{pages: 1, accessed: errors.New("no audit")})
	a.do("GET", "/api/v1/subscribers", nil).problem(500, "internal")
}

func TestLongFieldNamesAreCut(t *testing.T) {
	t.Parallel()
	got := escapePointer(strings.Repeat("ä", 100) + "/")
	if len(got) > 80 || strings.Contains(got, "\ufffd") {
		t.Errorf("got %q", got)
	}
}
