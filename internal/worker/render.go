package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/tasks"
)

// maxRanges is into how many ranges a large audience is split, to be expanded at once.
const maxRanges = publication.MaxRanges

// RenderStore is what rendering reads and writes.
type RenderStore interface {
	StartRender(ctx context.Context, id int64) (*publication.Publication, error)
	PinnedContents(ctx context.Context, pins []publication.Pin) ([]content.Item, error)
	PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error)
	SenderByID(ctx context.Context, id int32) (sender.Identity, error)
	BrandByID(ctx context.Context, id int32) (brand.Brand, error)
	Assets(ctx context.Context, uids []ident.UID) ([]asset.Asset, error)
	CountAudience(ctx context.Context, a publication.Audience, limit int) (int, error)
	StartFanout(ctx context.Context, f publication.Fanout) (ranges []int64, started bool, err error)
	DigestParts(ctx context.Context, id int64) ([]publication.DigestPart, error)
	FailPublication(ctx context.Context, id int64, reason string) error
}

// Render prepares a publication and starts its fan-out.
type Render struct {
	Store       RenderStore
	Library     *template.Library
	Writer      *content.Writer
	Memo        *rendition.Memo
	Sets        *Sets
	Engine      template.Engine
	Personalize *Personalize
	PublicURL   string
	// Retried is how often the task that ctx belongs to has been retried.
	Retried func(ctx context.Context) int
	// Poke tells the outbox relay that there is work.
	Poke func()
	Log  *zap.Logger
}

// Handle renders. A small audience is expanded at once, without another trip through the queue.
func (h *Render) Handle(ctx context.Context, t tasks.Render) error {
	p, err := h.Store.StartRender(ctx, t.Publication)
	if err != nil || p == nil {
		return err
	}
	about(ctx, p.UID.String())
	f, err := h.prepare(ctx, p)
	if cannotRender(err) || template.OutOfTime(err) && h.Retried(ctx) >= maxRetries {
		h.Log.Warn("publication cannot be rendered", zap.Stringer("publication", p.UID),
			zap.String("correlation_id", p.CorrelationID), zap.Error(err))
		return h.Store.FailPublication(ctx, p.ID, err.Error())
	}
	if err != nil {
		return err
	}
	ranges, started, err := h.Store.StartFanout(ctx, *f)
	if err != nil || !started {
		return err
	}
	h.Poke()
	return h.begin(ctx, f, ranges)
}

// begin expands what need not wait for another trip through the queue: a small audience as a whole, of a larger
// one the first page. The nudge of that page then finds it done.
func (h *Render) begin(ctx context.Context, f *publication.Fanout, ranges []int64) error {
	if !f.Inline && f.Lane != tasks.LaneBulk && len(ranges) > 0 {
		_, err := h.Personalize.expand(ctx, ranges[0], 1, false)
		return err
	}
	if !f.Inline {
		return nil
	}
	for _, r := range ranges {
		if err := h.Personalize.expandAll(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// maxRetries is how often the task is retried for want of time, after some 1, 2 and 4 seconds, before the publication
// fails: as often as a recipient is.
const maxRetries = delivery.MaxAttempts - 1

// cannotRender reports an error that another try would meet again.
func cannotRender(err error) bool {
	var syntax *template.SyntaxError
	var limit *template.LimitError
	if errors.As(err, &limit) {
		return !template.OutOfTime(err)
	}
	return errors.As(err, &syntax) || fault.Is(err, fault.GiveUp) || fault.Is(err, fault.NotFound)
}

// prepare makes everything that recipients share.
func (h *Render) prepare(ctx context.Context, p *publication.Publication) (*publication.Fanout, error) {
	items, err := h.Store.PinnedContents(ctx, p.Contents)
	if err != nil {
		return nil, fmt.Errorf("read the contents: %w", err)
	}
	topics, err := h.gathered(ctx, p, items)
	if err != nil {
		return nil, err
	}
	by, err := h.author(ctx, p)
	if err != nil {
		return nil, err
	}
	f := &publication.Fanout{Publication: p.ID, Lane: publication.LaneOf(p.Priority, -1)}
	links := rendition.NewLinkTable()
	var made []rendition.Rendition
	for _, id := range p.Channels {
		kind, err := channel.KindOf(id)
		if err != nil {
			return nil, fault.Wrap(err, fault.GiveUp, "unknown_channel")
		}
		if !kind.Personal() {
			f.Broadcasts = append(f.Broadcasts, id)
		}
		list, err := h.renditions(ctx, p, kind, items, topics, by, links)
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", kind, err)
		}
		for _, r := range list {
			stored, err := edition.Encode(kind, r)
			if err != nil {
				return nil, err
			}
			f.Renditions = append(f.Renditions, stored)
		}
		made = append(made, list...)
	}
	if err := h.checkFiles(ctx, p, made); err != nil {
		return nil, err
	}
	f.Links = links.List()
	if len(f.Broadcasts) == len(p.Channels) {
		return f, nil
	}
	return f, h.size(ctx, p, f)
}

// size decides how the audience is expanded, and in which lane.
func (h *Render) size(ctx context.Context, p *publication.Publication, f *publication.Fanout) error {
	n, err := h.Store.CountAudience(ctx, p.Audience, publication.LargeAudience)
	if err != nil {
		return err
	}
	f.Lane = publication.LaneOf(p.Priority, n)
	f.Ranges, f.Inline = 1, n <= publication.SmallAudience
	if n >= publication.LargeAudience {
		f.Ranges = maxRanges
	}
	return nil
}

// author is who a publication is from, as templates see them.
type author struct {
	sender rendition.Sender
	brand  rendition.Brand
}

// author reads the sender and their brand as they are now: what is rendered keeps it.
func (h *Render) author(ctx context.Context, p *publication.Publication) (by author, err error) {
	if p.SenderID == nil {
		return by, nil
	}
	from, err := h.Store.SenderByID(ctx, *p.SenderID)
	if err != nil {
		return by, fmt.Errorf("read the sender: %w", err)
	}
	var of brand.Brand
	if from.BrandID != nil {
		if of, err = h.Store.BrandByID(ctx, *from.BrandID); err != nil {
			return by, fmt.Errorf("read the brand: %w", err)
		}
	}
	by.sender, by.brand = edition.Face(from, of, h.imagesURL())
	return by, nil
}

// imagesURL stands in front of the ids of uploaded images.
func (h *Render) imagesURL() string { return h.PublicURL + "/p/a/" }

func (h *Render) renditions(ctx context.Context, p *publication.Publication, kind channel.Kind, items []content.Item, topics []string,
	by author, links *rendition.LinkTable,
) ([]rendition.Rendition, error) {
	sources, err := h.templates(ctx, p, kind)
	if err != nil {
		return nil, err
	}
	images := ""
	if !kind.Personal() || topics != nil {
		images = h.imagesURL() // a place cannot be sent files, and a digest would be too large
	}
	css := "" // a template of its own has the brand's colours as it wants them
	if _, own := p.Templates[string(kind)]; !own {
		css = by.brand.CSS()
	}
	list := make([]rendition.Rendition, 0, len(sources))
	for _, source := range sources {
		fallback, _ := h.Library.Find(string(kind), source.Language)
		r, err := rendition.Prepare(rendition.Input{
			Template: source, FallbackText: fallback.Text, Items: items, Data: p.Data, Writer: h.Writer,
			Track: kind.Personal(), Table: links, Images: images, Memo: h.Memo, Digest: topics,
			Sender: by.sender, Brand: by.brand, CSS: css,
			Publication: rendition.Publication{ID: p.UID.String(), Title: p.Title, Type: string(p.Type),
				URL: h.archiveURL(p), Date: p.CreatedAt.UTC().Format(time.DateOnly)},
		})
		if err != nil {
			return nil, err
		}
		if _, err := rendition.Compile(h.Engine, r, nil); err != nil {
			return nil, err // one failed publication, rather than a dead letter for every recipient
		}
		list = append(list, r)
	}
	return list, nil
}

// archiveURL is the public page of a publication that has one.
func (h *Render) archiveURL(p *publication.Publication) string {
	if slices.Contains(p.Channels, channel.Newsletter.ID()) && !p.Gathered() {
		return h.pageURL(p.UID)
	}
	return ""
}

func (h *Render) pageURL(uid ident.UID) string { return h.PublicURL + "/p/n/" + uid.String() }

// templates are the sources of a channel by language: the publication's own template, or the built-in one.
func (h *Render) templates(ctx context.Context, p *publication.Publication, kind channel.Kind) ([]template.Template, error) {
	var list []template.Template
	if pin, ok := p.Templates[string(kind)]; ok {
		set, err := h.Sets.Get(ctx, pin, func(ctx context.Context) (template.Set, error) {
			return h.Store.PinnedTemplate(ctx, pin.ID, pin.Version)
		})
		if err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		for _, language := range slices.Sorted(maps.Keys(set.Languages)) {
			s := set.Languages[language]
			list = append(list, template.Template{Name: set.Name, Channel: set.Channel, Language: language,
				Subject: s.Subject, HTML: s.HTML, Text: s.Text, Version: set.Version})
		}
		return list, nil
	}
	if p.Gathered() {
		return h.Library.Digest(string(kind)), nil
	}
	languages := h.Library.Languages()
	if !kind.Personal() {
		languages = languages[:1] // a place has no language of its own
	}
	for _, language := range languages {
		t, ok := h.Library.Find(string(kind), language)
		if !ok {
			t = template.Template{Name: "none", Channel: string(kind), Language: language, Text: "{{ publication.title }}"}
		}
		list = append(list, t)
	}
	return list, nil
}
