package e2e

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
	"github.com/presswork/presswork/internal/sandbox"
	"github.com/presswork/presswork/internal/testkit/collector"
	"github.com/presswork/presswork/internal/testkit/dbtest"
	"github.com/presswork/presswork/internal/testkit/fixture"
	"github.com/presswork/presswork/internal/testkit/redistest"
)

// tracedTo sends spans to a collector.
func tracedTo(base string) func(*config.Config) {
	return func(c *config.Config) { c.TracesBase = base }
}

// story are the spans of one trace.
type story struct {
	t     *testing.T
	spans []collector.Span
}

// named are the spans of a name.
func (s story) named(name string) []collector.Span {
	return slices.DeleteFunc(slices.Clone(s.spans), func(span collector.Span) bool { return span.Name != name })
}

// the is the only span of a name. It checks its kind, and that it is below another one.
func (s story) the(name, kind, parent string) collector.Span {
	s.t.Helper()
	list := s.some(name, kind, parent)
	if len(list) != 1 {
		s.t.Fatalf("want one %q, got %+v", name, list)
	}
	return list[0]
}

// tasks are the spans of a kind of task, below one of the parents: a task may come twice, since two relays may find it.
func (s story) tasks(name string, parents ...string) (list []collector.Span, ids []string) {
	s.t.Helper()
	list = s.some(name, "CONSUMER", parents...)
	for _, span := range list {
		ids = append(ids, span.ID)
	}
	return list, ids
}

func (s story) some(name, kind string, parents ...string) []collector.Span {
	s.t.Helper()
	list := s.named(name)
	for _, span := range list {
		if span.Kind != kind || !slices.Contains(parents, span.Parent) {
			s.t.Fatalf("want a %s %q below one of %v, got %+v", kind, name, parents, span)
		}
	}
	if len(list) == 0 {
		s.t.Fatalf("no span is called %q", name)
	}
	return list
}

// One trace goes from the client's own span through the API, PostgreSQL, the queue and a worker in another process
// to each provider, and on to the receiver of a webhook; with nobody's address in it.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	const trace, root, readers = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1220
	c := collector.Start(t)
	h := openWith(t, servers{dbtest.New(t), redistest.New(t)}, tracedTo(c.URL), app.API, app.Scheduler)
	h.start(nil, app.Worker)
	h.ConnectSMTP(t, "email")
	h.ConnectWebhook(t, "traced")
	h.Subscribe(t, fixture.People("trace", readers))
	h.inject(sandbox.ProviderSMTP, sandbox.Fault{Match: "trace4@", ErrorRatio: 1, ErrorKind: sandbox.Permanent})
	id := h.Publish(t, fixture.Order{Title: "Traced", Channels: []string{"email", "webhook"}},
		"Traceparent", "00-"+trace+"-"+root+"-01", "X-Correlation-Id", "the-correlation")
	h.Await(t, id, "completed_with_failures", patience)
	h.close()

	s := story{t, slices.DeleteFunc(c.Spans(), func(span collector.Span) bool { return span.Trace != trace })}
	request := s.the("POST /api/v1/publications", "SERVER", root)
	if request.Attributes["presswork.correlation_id"] != "the-correlation" || request.Resource["presswork.roles"] != "api,scheduler" {
		t.Errorf("the request's span: %+v", request)
	}
	if !slices.ContainsFunc(s.spans, func(span collector.Span) bool {
		return span.Parent == request.ID && span.Kind == "CLIENT" && span.Attributes["db.system.name"] == "postgresql"
	}) {
		t.Error("no statement is below the request")
	}
	stored := s.the("store a publication", "INTERNAL", request.ID)
	renders, renderIDs := s.tasks("render", stored.ID)
	if render := renders[0]; render.Resource["presswork.roles"] != "worker" || render.Attributes["presswork.publication"] != id ||
		render.Attributes["messaging.destination.name"] == "" || render.Attributes["messaging.message.id"] == "" {
		t.Errorf("the render task's span: %+v", render)
	}
	_, makers := s.tasks("personalize", renderIDs...)
	_, hooks := s.tasks("send-webhook", renderIDs...)
	calls := s.some("send by webhook", "CLIENT", hooks...)
	call := calls[0]
	if got := h.Sandbox.Messages(sandbox.ProviderWebhook)[0].Header.Get("Traceparent"); got != "00-"+trace+"-"+call.ID+"-01" || len(calls) != 1 {
		t.Errorf("the receiver of the webhook got the traceparent %q in one of %d calls", got, len(calls))
	}
	s.checkMail(id, append(makers, renderIDs...)...) // whichever came first made the batches
	s.checkWhole(root)
	checkPrivate(t, c.Spans())
	lines := h.logs.FilterMessage("request").FilterField(zap.String("trace_id", trace)).Len()
	if lines != 1 {
		t.Errorf("%d lines of the access log have the trace's id, want 1", lines)
	}
}

// checkMail wants a span for each task of a batch (a slow machine gives some back, to go on in another task), and
// below it those of the first calls and of the one that was refused.
func (s story) checkMail(publication string, makers ...string) {
	s.t.Helper()
	batches := s.named("send-email")
	tasks := map[string]bool{}
	for _, maker := range makers {
		tasks[maker] = true
	}
	for _, batch := range batches {
		tasks[batch.ID] = true
	}
	perBatch, refused := map[string]int{}, 0
	for _, call := range s.named("send by smtp") {
		perBatch[call.Parent]++
		if call.Failed {
			refused++
		}
		if !strings.HasPrefix(call.Attributes["presswork.delivery"], publication) {
			s.t.Errorf("a call's span: %+v", call)
		}
	}
	calls := 0
	for _, batch := range batches {
		n := perBatch[batch.ID]
		calls += n
		if !tasks[batch.Parent] || batch.Kind != "CONSUMER" || n > 9 {
			s.t.Errorf("a batch below %s has %d calls with a span, want 8 and one refused", batch.Parent, n)
		}
	}
	if len(batches) < 7 || calls < 7*8 {
		s.t.Errorf("%d batches have a span, and %d calls, want 7 and 8 of each", len(batches), calls)
	}
	if refused != 1 {
		s.t.Errorf("%d calls have a span that failed, want 1", refused)
	}
}

// checkWhole wants every span to be below another one of the trace.
func (s story) checkWhole(root string) {
	s.t.Helper()
	ids := map[string]bool{root: true}
	for _, span := range s.spans {
		ids[span.ID] = true
	}
	for _, span := range s.spans {
		if !ids[span.Parent] {
			s.t.Errorf("nothing is above %+v", span)
		}
	}
}

// checkPrivate wants no personal data in any span, and nothing that began by itself but requests.
func checkPrivate(t *testing.T, spans []collector.Span) {
	t.Helper()
	for _, span := range spans {
		for _, private := range []string{"reader.example", "Reader", "127.0.0.1", fixture.Key} {
			if strings.Contains(span.Text, private) {
				t.Errorf("%q is in %s", private, span.Text)
			}
		}
		if span.Parent == "" && span.Kind != "SERVER" {
			t.Errorf("a trace began with %+v", span)
		}
	}
}

// A collector that is away costs spans and a line in the log, and nothing else.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	h := openWith(t, servers{dbtest.New(t), redistest.New(t)}, tracedTo("http://127.0.0.1:1"), app.API, app.Worker, app.Scheduler)
	h.ConnectSMTP(t, "email")
	h.Subscribe(t, fixture.People("away", 30))
	id := h.Publish(t, fixture.Order{Title: "Away", Channels: []string{"email"}})
	h.Await(t, id, "completed", patience)
	h.wantOnce(id, "email", 30)
	h.close()
	if n := h.logs.FilterMessage("spans not taken by the collector").Len(); n < 1 || n > 2 {
		t.Errorf("%d lines say that spans were lost", n)
	}
}
