package events

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/feedback"
)

// Taker stores events; see feedback.Intake.
type Taker interface {
	Take(ctx context.Context, events []feedback.Event) error
}

// HookOptions of a Hook.
type HookOptions struct {
	// Topics are the ARNs of the topics that may post: anybody can have a topic of their own, with messages that Amazon
	// signs.
	Topics []string
	Trust  Trust
	Taker  Taker
	Log    *zap.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Hook takes what SNS posts. It is safe for concurrent use.
type Hook struct {
	HookOptions
	certificates *certificates
}

// NewHook makes a hook.
func NewHook(o HookOptions) *Hook {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Hook{HookOptions: o, certificates: newCertificates(o.Trust, o.Now)}
}

// Receive takes the body of a post. A nil error means that it is stored, or of no use. Errors are Malformed; Forbidden:
// it is forged, played again after an hour, or of a topic that is not ours; Unavailable: SNS has to post it again, which
// it does after any error.
func (h *Hook) Receive(ctx context.Context, body []byte) error {
	e, err := parseEnvelope(body)
	if err != nil {
		return err
	}
	if err := h.prove(ctx, e); err != nil {
		h.Log.Warn("a message to the hook of SES was refused", zap.Error(err))
		return err
	}
	switch e.Type {
	case typeNotification:
		return take(ctx, h.Taker, h.Log, []byte(e.Message))
	case typeSubscribe:
		return h.confirm(ctx, e)
	default: // typeUnsubscribe: that was an operator's wish
		h.Log.Warn("the topic of SES's events posts here no more", zap.String("topic", e.TopicARN))
		return nil
	}
}

// prove finds out whether SNS sent this, for a topic of ours, just now. What costs nothing comes first.
func (h *Hook) prove(ctx context.Context, e *Envelope) error {
	if !slices.Contains([]string{typeNotification, typeSubscribe, typeUnsubscribe}, e.Type) {
		return errForged("it is of no known type")
	}
	if !slices.Contains(h.Topics, e.TopicARN) {
		return errForged("its topic is not one of PRESSWORK_SES_EVENTS_TOPICS")
	}
	if err := e.fresh(h.Now()); err != nil {
		return err
	}
	key, err := h.certificates.key(ctx, e.SigningCertURL)
	if errors.Is(err, ErrUntrusted) {
		return errForged(err.Error())
	}
	if err != nil {
		return &fault.Error{Kind: fault.Unavailable, Code: "certificate_unavailable", Detail: "The certificate could not be fetched.", Err: err}
	}
	return e.signedBy(key)
}

func (h *Hook) confirm(ctx context.Context, e *Envelope) error {
	err := h.Trust.Confirm(ctx, e.SubscribeURL)
	if errors.Is(err, ErrUntrusted) {
		return errForged(err.Error())
	}
	if err != nil {
		return &fault.Error{Kind: fault.Unavailable, Code: "not_confirmed", Detail: "The subscription could not be confirmed.", Err: err}
	}
	h.Log.Info("subscribed to SES's events", zap.String("topic", e.TopicARN))
	return nil
}

// take stores an event of SES. What is none is not wanted again either.
func take(ctx context.Context, taker Taker, log *zap.Logger, text []byte) error {
	list, err := Parse(text)
	if err != nil {
		log.Warn("a message that is no event of SES was dropped", zap.Error(err))
		return nil
	}
	return taker.Take(ctx, list)
}
