package worker

import (
	"context"
	"fmt"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/publication"
)

// gathered are the topics of the items of a digest of what was held back; nil of any other publication. Items of a publication
// with a page of its own lead there from now on.
func (h *Render) gathered(ctx context.Context, p *publication.Publication, items []content.Item) ([]string, error) {
	if !p.Gathered() {
		return nil, nil
	}
	parts, err := h.Store.DigestParts(ctx, p.Audience.Digest)
	if err != nil {
		return nil, fmt.Errorf("read what a digest is made of: %w", err)
	}
	topics := make([]string, len(items))
	for _, part := range parts {
		for i := part.First; i < min(part.First+part.Size, len(items)); i++ {
			topics[i] = part.Topic
			if !part.Page.IsZero() {
				items[i].URL = h.pageURL(part.Page)
			}
		}
	}
	return topics, nil
}
