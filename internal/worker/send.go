package worker

import (
	"context"
	"encoding/json"
	"fmt"
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
	Engine    *delivery.Engine
	Shelf     *edition.Shelf
	Files     *edition.Files
	Outlets   *Outlets
	Signer    *token.Signer
	PublicURL string
	Poke      func()
	Log       *zap.Logger
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
	if !report.Done && !report.Stale {
		h.Poke() // the rest was nudged
	}
	if report.Done && report.Failed > 0 {
		return fault.New(fault.GiveUp, "recipients_failed", fmt.Sprintf("%d of %d failed", report.Failed, report.Size))
	}
	return nil
}

// open prepares what the recipients of a batch have in common.
func (h *Send) open(ctx context.Context, b *delivery.Batch) (delivery.Send, error) {
	e, err := h.Shelf.Get(ctx, b.Publication, b.Channel)
	if err != nil {
		return nil, err
	}
	about(ctx, e.Publication.UID.String())
	calls := newCalls(ctx, h.Tracer)
	if !e.Kind.Personal() {
		return func(ctx context.Context, r *delivery.Recipient) error { return h.post(ctx, calls, e, r) }, nil
	}
	outlet, err := h.Outlets.ofKind(ctx, e.Kind)
	if err != nil {
		return nil, err
	}
	files := h.Files.Hold()
	return func(ctx context.Context, r *delivery.Recipient) error { return h.mail(ctx, calls, outlet, e, files, r) }, nil
}

// mail renders one reader's message and hands it over.
func (h *Send) mail(ctx context.Context, calls *calls, outlet *outlet, e *edition.Edition, files *edition.Held, r *delivery.Recipient) error {
	chosen, err := content.DecodeChoice(r.Choice)
	if err != nil {
		return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	}
	chosen = chosen[:min(len(chosen), MaxItems(e.Kind))]
	who, err := recipientOf(r)
	if err != nil {
		return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	}
	links := h.links(e, r)
	v := e.In(r.Language)
	rendered, err := v.Render(who, chosen, links)
	if err != nil {
		return notRendered(err)
	}
	id := channel.Identity{Publication: e.Publication.UID.String(), Kind: e.Kind, Recipient: r.ID}
	domain := domainOf(e.From.FromEmail)
	mail := &channel.Mail{
		To:      channel.Address{Name: r.Name, Email: r.Email},
		From:    channel.Address{Name: e.From.FromName, Email: e.From.FromEmail},
		ReplyTo: e.From.ReplyTo, Subject: rendered.Subject, HTML: rendered.HTML, Text: rendered.Text,
		ListID: string(e.Kind) + "." + domain, Unsubscribe: links.Unsubscribe,
		MessageID: fmt.Sprintf("%s.%s.%d@%s", id.Publication, id.Kind, id.Recipient, domain),
	}
	if err := addFiles(ctx, files, e, rendered.Images, mail); err != nil {
		return err
	}
	return h.handOver(ctx, calls, outlet, e, &channel.Message{ID: id, Mail: mail})
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

// links are a reader's own: one signature serves them all.
func (h *Send) links(e *edition.Edition, r *delivery.Recipient) rendition.Links {
	signed := h.Signer.Sign(token.Recipient{Publication: e.Publication.ID, Channel: e.Kind.ID(), Recipient: r.ID})
	links := rendition.Links{
		Unsubscribe: h.PublicURL + "/p/u/" + signed,
		Click:       h.PublicURL + "/t/c/" + signed + "/",
		Open:        h.PublicURL + "/t/o/" + signed + ".gif",
	}
	if e.Kind == channel.Newsletter {
		links.Archive = h.PublicURL + "/p/n/" + e.Publication.UID.String()
	}
	return links
}

func recipientOf(r *delivery.Recipient) (rendition.Recipient, error) {
	first, _, _ := strings.Cut(r.Name, " ")
	who := rendition.Recipient{ID: r.UID, Email: r.Email, Name: r.Name, FirstName: first, Language: r.Language,
		Timezone: r.Timezone, Topics: r.Topics}
	if len(r.Attributes) > len("{}") {
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
func (h *Send) post(ctx context.Context, calls *calls, e *edition.Edition, r *delivery.Recipient) error {
	outlet, err := h.Outlets.byID(ctx, r.ID)
	if err != nil {
		return fault.Wrap(err, fault.Retry, "channel_off")
	}
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
	return h.handOver(ctx, calls, outlet, e, &channel.Message{
		ID: channel.Identity{Publication: p.UID.String(), Kind: e.Kind, Recipient: r.ID}, Post: post})
}

// handOver makes the provider call, under the correlation id of the request that published.
func (h *Send) handOver(ctx context.Context, calls *calls, outlet *outlet, e *edition.Edition, m *channel.Message) error {
	ctx = telemetry.WithCorrelation(ctx, e.Publication.CorrelationID)
	err := calls.send(ctx, outlet, m)
	if err == nil && outlet.pretends {
		return delivery.ErrPlaceholder
	}
	if err != nil {
		h.Log.Info("delivery not accepted", zap.String("delivery", m.ID.String()), telemetry.CorrelationField(ctx),
			zap.String("kind", fault.KindOf(err).String()), zap.String("code", fault.CodeOf(err)),
			zap.String("error", delivery.Normalise(err.Error())))
	} else if h.Log.Core().Enabled(zap.DebugLevel) {
		h.Log.Debug("delivery accepted", zap.String("delivery", m.ID.String()), telemetry.CorrelationField(ctx))
	}
	return err
}
