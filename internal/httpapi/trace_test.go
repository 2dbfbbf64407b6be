package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/presswork/presswork/internal/token"
)

// forgers verifies nothing.
type forgers struct{}

func (forgers) Verify(string) (token.Recipient, error) { return token.Recipient{}, token.ErrInvalid }

// Without a store, reading topics panics: an answer of 500.
func TestSpansOfRequests(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	recorder := tracetest.NewSpanRecorder()
	var mu sync.Mutex
	var seen []Request
	a := serve(t, nil, func(d *Deps) {
		d.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
		d.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		d.Tokens = forgers{}
		d.Observe = func(r Request) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r)
		}
	})
	for _, request := range []string{"GET /healthz", "GET /readyz", "GET /t/o/token.gif", "GET /nowhere", "GET /p/u/secret-token?q=ada",
		"GET /api/v1/topics", "POST /api/v1/publications"} {
		method, path, _ := strings.Cut(request, " ")
		headers := []string{"Traceparent: " + parent, "X-Correlation-ID: c"}
		if method == http.MethodPost {
			headers = append(headers, "Authorization: Bearer of-nobody")
		}
		a.do(method, path, nil, headers...)
	}
	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans: %v", len(spans), spans)
	}
	for i, want := range []struct {
		name, trace string
		status      string
		failed      bool
	}{
		{"GET /p/*path", "", "418", false}, // a reader begins no trace of ours
		{"GET /api/v1/topics", parent[3:35], "500", true},
		{"POST /api/v1/publications", parent[3:35], "401", false},
	} {
		s := spans[i]
		about := map[string]string{}
		for _, attribute := range s.Attributes() {
			about[string(attribute.Key)] = attribute.Value.String()
			if text := attribute.Value.String(); strings.Contains(text, "ada") || strings.Contains(text, "secret") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s of %s is %q", attribute.Key, s.Name(), text)
			}
		}
		if s.Name() != want.name || want.trace != "" && s.SpanContext().TraceID().String() != want.trace ||
			want.trace == "" && s.Parent().IsValid() || about["http.response.status_code"] != want.status ||
			about["presswork.correlation_id"] != "c" || (s.Status().Code == codes.Error) != want.failed {
			t.Errorf("span %s below %v, %v, %v", s.Name(), s.Parent().SpanID(), about, s.Status())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, r := range seen {
		if traced := r.Route == "/api/v1/topics"; traced && r.TraceID != parent[3:35] || r.Route == "/healthz" && r.TraceID != "" {
			t.Errorf("observed %+v", r)
		}
	}
	if n := a.log.FilterMessage("request").FilterFieldKey("trace_id").Len(); n != 3 {
		t.Errorf("%d lines have a trace's id, want 3", n)
	}
}
