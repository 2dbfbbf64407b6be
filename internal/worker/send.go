package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/telemetry"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/token"
	"github.com/presswork/presswork/tasks"
)

// Send sends one batch through the ledger.
type Send struct {
	Engine *delivery.Engine
	Shelf  *edition.Shelf
	// Stationery writes messages to one recipient.
	Stationery *edition.Stationery
	Files      *edition.Files
	Outlets    *Outlets
	// Limits bound how fast one may send; nil: nothing does.
	Limits Limits
	// Health follows how places fare; nil: nothing does.
	Health    *Health
	Signer    *token.Signer
	PublicURL string
	// Poke tells the relay that there are nudges; Expect, that there are such as nobody waits for.
	Poke, Expect func()
	Log          *zap.Logger
	// Archive and Letters serve archived tasks that are run again; nil: nothing does.
	Archive Archive
	Letters Letters
	// Tracer makes spans of provider calls that belong to a recorded trace; nil: none.
	Tracer trace.Tracer
}

// Handle sends to everyone of the batch who is still owed. Its error is for the dead-letter set: the batch is
// done and some of it failed; their rows and dead letters stand in PostgreSQL.
func (h *Send) Handle(ctx context.Context, t tasks.Batch) error {
	report, err := h.Engine.Run(ctx, t.Batch, t.Gen, h.open)
	if err != nil {
		return err
	}
	if report.Stale {
		return h.again(ctx, t)
	}
	switch {
	case !report.Done:
		h.Poke() // the rest was nudged
	case report.Fed:
		h.Expect()
	}
	if report.Done && report.Failed > 0 {
		return fault.New(fault.GiveUp, codeFailed, fmt.Sprintf("%d of %d failed", report.Failed, report.Size))
	}
	return nil
}

// open prepares what the recipients of a batch have in common.
func (h *Send) open(ctx context.Context, b *delivery.Batch) (delivery.Way, error) {
	e, err := h.edition(ctx, b)
	if err != nil {
		return delivery.Way{}, err
	}
	about(ctx, e.Publication.UID.String())
	calls := newCalls(ctx, h.Tracer)
	if !e.Kind.Personal() {
		return h.openPost(ctx, calls, e, b)
	}
	outlet, err := h.Outlets.ofKind(ctx, e.Kind)
	if err != nil {
		return delivery.Way{}, err
	}
	by, err := h.route(ctx, outlet)
	if err != nil {
		return delivery.Way{}, err
	}
	files := h.Files.Hold()
	send := func(ctx context.Context, r *delivery.Recipient) error {
		return h.mail(ctx, calls, by.by(), e, files, r)
	}
	return h.gated(send, by, h.ownGate(e)), nil
}

// edition is what a batch sends: a publication as it was rendered, or a message, which is written now.
func (h *Send) edition(ctx context.Context, b *delivery.Batch) (*edition.Edition, error) {
	if !b.Message {
		return h.Shelf.Get(ctx, b.Publication, b.Channel)
	}
	e, err := h.Stationery.Write(ctx, b.Publication)
	if fault.Is(err, fault.NotFound) {
		// Its recipient is gone, and is settled as such; or its template is, by hand.
		return nil, fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	}
	return e, err
}

// openPost prepares a broadcast to one place: the batch is that of its only recipient, the channel.
func (h *Send) openPost(ctx context.Context, calls *calls, e *edition.Edition, b *delivery.Batch) (delivery.Way, error) {
	outlet, err := h.Outlets.byID(ctx, b.Hi)
	if errors.Is(err, errNoOutlet) {
		off := fault.Wrap(err, fault.Retry, "channel_off")
		return delivery.Way{Send: func(context.Context, *delivery.Recipient) error { return off }}, nil
	}
	if err != nil {
		return delivery.Way{}, err
	}
	by, err := h.route(ctx, outlet)
	if err != nil {
		return delivery.Way{}, err
	}
	send := func(ctx context.Context, r *delivery.Recipient) error { return h.post(ctx, calls, by.by(), e, r) }
	return h.gated(send, by, h.ownGate(e)), nil
}

// ownGate is the gate of a publication with a rate of its own, else nil.
func (h *Send) ownGate(e *edition.Edition) delivery.Gate {
	if h.Limits == nil || e.Publication.RatePerMinute == 0 {
		return nil
	}
	return h.Limits.Publication(e.Publication.ID, e.Kind, e.Publication.RatePerMinute)
}

// mail renders one reader's message and hands it over.
func (h *Send) mail(ctx context.Context, calls *calls, by way, e *edition.Edition, files *edition.Held, r *delivery.Recipient) error {
	chosen, err := chosenOf(e, r)
	if err != nil {
		return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	}
	v := e.In(r.Language)
	who, err := recipientOf(r, v.ReadsAttributes())
	if err != nil {
		return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	}
	links := h.links(e, r)
	rendered, err := v.Mail(&who, chosen, &links)
	if err != nil {
		return notRendered(err)
	}
	id := channel.Identity{Publication: e.Publication.UID.String(), Kind: e.Kind, Recipient: r.ID}
	domain := domainOf(e.From.FromEmail)
	mail := &channel.Mail{
		To:      channel.Address{Name: r.Name, Email: r.Email},
		From:    channel.Address{Name: e.From.FromName, Email: e.From.FromEmail},
		ReplyTo: e.From.ReplyTo, Subject: rendered.Subject, HTML: rendered.HTML, Text: rendered.Text,
		MessageID: id.Publication + "." + string(id.Kind) + "." + strconv.FormatInt(id.Recipient, 10) + "@" + domain,
	}
	if e.Message == nil {
		mail.ListID, mail.Unsubscribe = string(e.Kind)+"."+domain, links.Unsubscribe
	} else {
		mail.Automatic = true // a message to one person is of no list
	}
	if err := addFiles(ctx, files, e, rendered.Images, mail); err != nil {
		return err
	}
	r.Outlet = by.ID
	return h.handOver(ctx, calls, by, e, &channel.Message{ID: id, Mail: mail})
}

// chosenOf are the items that a reader gets.
func chosenOf(e *edition.Edition, r *delivery.Recipient) ([]int, error) {
	if e.Publication.Gathered() {
		return content.DecodeGathered(r.Choice)
	}
	chosen, err := content.DecodeChoice(r.Choice)
	return chosen[:min(len(chosen), e.Kind.MaxItems())], err
}

// codeRenderTime is the code of a render that took too long. It uses an attempt, and after the last it is what the dead
// letter says.
const codeRenderTime = "render_time"

// notRendered gives a failed render its kind: final, unless it was for want of time.
func notRendered(err error) error {
	if template.OutOfTime(err) {
		return fault.Wrap(err, fault.Retry, codeRenderTime)
	}
	return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
}

// links are a reader's own: one signature serves them all. A message has none but those that report, if it is tracked.
func (h *Send) links(e *edition.Edition, r *delivery.Recipient) rendition.Links {
	if e.Message != nil && !e.Message.Tracked {
		return rendition.Links{}
	}
	signed := h.Signer.Sign(token.Recipient{Publication: e.Publication.ID, Channel: e.Kind.ID(), Recipient: r.ID})
	links := rendition.Links{
		Click: h.PublicURL + "/t/c/" + signed + "/",
		Open:  h.PublicURL + "/t/o/" + signed + ".gif",
	}
	if e.Message == nil {
		links.Unsubscribe, links.Preferences = h.PublicURL+"/p/u/"+signed, h.PublicURL+"/p/preferences/"+signed
	}
	if e.Kind == channel.Newsletter && !e.Publication.Gathered() { // of which everybody gets another one
		links.Archive = h.PublicURL + "/p/n/" + e.Publication.UID.String()
	}
	return links
}

// recipientOf is what templates see of a recipient, with the attributes if they are read.
func recipientOf(r *delivery.Recipient, attributes bool) (rendition.Recipient, error) {
	first, _, _ := strings.Cut(r.Name, " ")
	who := rendition.Recipient{ID: r.UID, Email: r.Email, Name: r.Name, FirstName: first, Language: r.Language,
		Timezone: r.Timezone, Country: r.Country, Topics: r.Topics}
	if attributes && len(r.Attributes) > len("{}") {
		if err := json.Unmarshal(r.Attributes, &who.Attributes); err != nil {
			return who, fmt.Errorf("read the attributes: %w", err)
		}
	}
	return who, nil
}

func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// post sends a broadcast to one place.
func (h *Send) post(ctx context.Context, calls *calls, by way, e *edition.Edition, r *delivery.Recipient) error {
	v := e.In("")
	rendered, err := v.Render(rendition.Recipient{}, nil, rendition.Links{Archive: v.Publication.URL})
	if err != nil {
		return notRendered(err)
	}
	p := e.Publication
	post := &channel.Post{Title: p.Title, Text: rendered.Text, Custom: e.Custom(), URL: v.Publication.URL, Type: string(p.Type),
		PublishedAt: p.CreatedAt.UTC().Format("2006-01-02T15:04:05Z"), Data: p.Data}
	for i, item := range v.Items {
		post.Items = append(post.Items, channel.PostItem{ID: fmt.Sprintf("%s-%d", p.UID, i), Title: item.Title, Summary: item.Summary,
			URL: item.URL, HTML: item.HTML, Text: item.Text, Topics: item.Topics})
	}
	r.Outlet = by.ID
	return h.handOver(ctx, calls, by, e, &channel.Message{
		ID: channel.Identity{Publication: p.UID.String(), Kind: e.Kind, Recipient: r.ID}, Post: post})
}

// handOver makes the provider call, under the correlation id of the request that published.
func (h *Send) handOver(ctx context.Context, calls *calls, by way, e *edition.Edition, m *channel.Message) error {
	ctx = telemetry.WithCorrelation(ctx, e.Publication.CorrelationID)
	err := h.call(ctx, calls, by, m)
	if err == nil && by.pretends {
		return delivery.ErrPlaceholder
	}
	h.Health.saw(by.outlet, err)
	if err != nil {
		h.Log.Info("delivery not accepted", zap.String("delivery", m.ID.String()), telemetry.CorrelationField(ctx),
			zap.String("kind", fault.KindOf(err).String()), zap.String("code", fault.CodeOf(err)),
			zap.String("error", delivery.Normalise(err.Error())))
	} else if h.Log.Core().Enabled(zap.DebugLevel) {
		h.Log.Debug("delivery accepted", zap.String("delivery", m.ID.String()), telemetry.CorrelationField(ctx))
	}
	return err
}

// call makes the provider call, unless its circuit has opened meanwhile, and says what came of it.
func (h *Send) call(ctx context.Context, calls *calls, by way, m *channel.Message) error {
	if by.target == nil {
		return calls.send(ctx, by.outlet, m)
	}
	done, err := by.target.Begin(by.Version)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			_ = done(errPanicked) // which goes on by itself
		}
	}()
	err = calls.send(ctx, by.outlet, m)
	returned = true
	return done(err)
}

// errPanicked is what a call came to that did not return.
var errPanicked = fault.New(fault.Uncertain, "panic", "the call to the provider did not return")
