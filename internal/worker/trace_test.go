package worker

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/telemetry"
)

// TestSpansOfCalls: the first of a batch have one each, and every one that fails, all below the batch's.
func TestSpansOfCalls(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	uid := ident.New().String()
	ctx, batch := tracer.Start(telemetry.WithCorrelation(t.Context(), "c-1"), "batch")
	about(ctx, uid)
	down := fault.New(fault.Retry, "not_sent", "connection refused")
	failing := int64(0)
	sender := &fakeSender{answer: func(m *channel.Message) error {
		if m.ID.Recipient == failing {
			return down
		}
		return nil
	}}
	o := &outlet{Channel: outletOf(1, channel.Email, "mail", 1), sender: sender}
	c := newCalls(ctx, tracer)
	send := func(recipient int64) error {
		return c.send(ctx, o, &channel.Message{ID: channel.Identity{Publication: uid, Kind: channel.Email, Recipient: recipient}})
	}
	for _, failing = range []int64{2, tracedCalls + 2} {
		from := int64(1)
		if failing > tracedCalls {
			from = tracedCalls + 1
		}
		for recipient := from; recipient < from+tracedCalls; recipient++ {
			if err := send(recipient); errors.Is(err, down) != (recipient == failing) {
				t.Errorf("recipient %d: %v", recipient, err)
			}
		}
	}
	batch.End()
	ended := spans.Ended()
	if len(ended) != tracedCalls+2 || len(sender.sent()) != 2*tracedCalls {
		t.Fatalf("%d spans of %d calls", len(ended), len(sender.sent()))
	}
	for i, span := range ended[:tracedCalls+1] {
		failed := i == 1 || i == tracedCalls
		if span.Name() != "send by fake" || span.Parent().SpanID() != batch.SpanContext().SpanID() || (span.Status().Code == codes.Error) != failed {
			t.Errorf("span %d: %s below %s, %+v", i, span.Name(), span.Parent().SpanID(), span.Status())
		}
		if said := attribute.NewSet(span.Attributes()...); i == tracedCalls {
			delivery, _ := said.Value("presswork.delivery")
			correlation, _ := said.Value("presswork.correlation_id")
			if delivery.AsString() != uid+"/email/10" || correlation.AsString() != "c-1" {
				t.Errorf("it says %v", span.Attributes())
			}
		}
	}
	said := attribute.NewSet(ended[tracedCalls+1].Attributes()...)
	if v, _ := said.Value("presswork.publication"); v.AsString() != uid {
		t.Errorf("the batch says %v", ended[tracedCalls+1].Attributes())
	}
}

// TestUnrecordedBatches have no spans, and are sent all the same.
func TestUnrecordedBatches(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	sender := &fakeSender{}
	about(t.Context(), "p")
	for name, c := range map[string]*calls{"not recorded": newCalls(t.Context(), tracer), "no tracer": newCalls(t.Context(), nil)} {
		if err := c.send(t.Context(), &outlet{sender: sender}, &channel.Message{}); err != nil || c != nil {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	if len(spans.Started()) != 0 || len(sender.sent()) != 2 {
		t.Errorf("%d spans of %d calls", len(spans.Started()), len(sender.sent()))
	}
}
