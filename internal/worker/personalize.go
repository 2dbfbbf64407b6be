package worker

import (
	"context"
	"fmt"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/tasks"
)

// PersonalizeStore is what fan-out reads and writes.
type PersonalizeStore interface {
	ReadPage(ctx context.Context, rangeID int64, gen int) (*publication.Page, error)
	ExpandPage(ctx context.Context, page *publication.Page, channels []int16, choices [][]byte, inline bool) (*publication.Expanded, error)
	PinnedContents(ctx context.Context, pins []publication.Pin) ([]content.Item, error)
}

// Personalize expands an audience page by page, and chooses each reader's content.
type Personalize struct {
	Store PersonalizeStore
	Poke  func()
}

// Handle expands one page; the page after it is a task of its own.
func (h *Personalize) Handle(ctx context.Context, t tasks.Personalize) error {
	_, err := h.expand(ctx, t.Range, t.Gen, false)
	return err
}

// expandAll expands a whole range at once; for small audiences. If it stops half way, the reconciler nudges
// the range.
func (h *Personalize) expandAll(ctx context.Context, rangeID int64) error {
	for gen := 1; ; {
		e, err := h.expand(ctx, rangeID, gen, true)
		if err != nil || e == nil || e.Done {
			return err
		}
		gen = e.Gen
	}
}

func (h *Personalize) expand(ctx context.Context, rangeID int64, gen int, inline bool) (*publication.Expanded, error) {
	page, err := h.Store.ReadPage(ctx, rangeID, gen)
	if err != nil || page == nil {
		return nil, err
	}
	about(ctx, page.Publication.UID.String())
	choices, err := h.choices(ctx, page)
	if err != nil {
		return nil, err
	}
	e, err := h.Store.ExpandPage(ctx, page, personal(page.Publication.Channels), choices, inline)
	if err != nil {
		return nil, err
	}
	h.Poke()
	return e, nil
}

// choices are what each reader of a page gets.
func (h *Personalize) choices(ctx context.Context, page *publication.Page) ([][]byte, error) {
	if page.Publication.Gathered() {
		choices := make([][]byte, len(page.Readers))
		for i, reader := range page.Readers {
			choices[i] = reader.Gathered
		}
		return choices, nil
	}
	items, err := h.Store.PinnedContents(ctx, page.Publication.Contents)
	if err != nil {
		return nil, fmt.Errorf("read the contents: %w", err)
	}
	return choose(items, page.Readers)
}

// personal are the kinds that send to each subscriber.
func personal(channels []int16) []int16 {
	var list []int16
	for _, id := range channels {
		if kind, err := channel.KindOf(id); err == nil && kind.Personal() {
			list = append(list, id)
		}
	}
	return list
}

// choose packs what each reader gets, best first: as many as the longest message takes.
func choose(items []content.Item, readers []publication.Reader) ([][]byte, error) {
	chooser, err := content.NewChooser(items)
	if err != nil {
		return nil, err
	}
	choices := make([][]byte, len(readers))
	indexes := make([]int, 0, channel.Newsletter.MaxItems())
	for i, reader := range readers {
		indexes = indexes[:0]
		for _, c := range chooser.Choose(content.Profile{Topics: reader.Topics, Language: reader.Language}, channel.Newsletter.MaxItems()) {
			indexes = append(indexes, c.Index)
		}
		if choices[i], err = content.EncodeChoice(indexes); err != nil {
			return nil, err
		}
	}
	return choices, nil
}
