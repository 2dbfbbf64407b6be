package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/edition"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
)

// checkFiles sees that every file that a publication needs is there, that what is shown is an image, and that no
// reader's mail becomes too large: one failed publication, rather than broken mails. All was so when the contents
// and templates were saved and the publication was accepted, but files can be deleted.
func (h *Render) checkFiles(ctx context.Context, p *publication.Publication, made []rendition.Rendition) error {
	wanted := append([]ident.UID{}, p.Attachments...)
	for _, r := range made {
		wanted = append(wanted, r.Images...)
	}
	if len(wanted) == 0 {
		return nil
	}
	list, err := h.Store.Assets(ctx, wanted)
	if err != nil {
		return fmt.Errorf("read the files: %w", err)
	}
	known := make(map[ident.UID]asset.Asset, len(list))
	for _, a := range list {
		known[a.UID] = a
	}
	var attached int64
	for _, uid := range p.Attachments {
		a, ok := known[uid]
		if !ok {
			return unknownAsset(uid)
		}
		attached += a.Size
	}
	for _, r := range made {
		if err := checkImages(r, known, attached); err != nil {
			return err
		}
	}
	return nil
}

func checkImages(r rendition.Rendition, known map[ident.UID]asset.Asset, attached int64) error {
	for _, uid := range r.Images {
		switch a, ok := known[uid]; {
		case !ok:
			return unknownAsset(uid)
		case !a.Image():
			return fault.New(fault.GiveUp, "not_an_image", fmt.Sprintf("File %s, which is to be shown, is %s.", uid, a.MediaType))
		}
	}
	kind := channel.Kind(r.Channel)
	if !kind.Personal() {
		return nil
	}
	total := attached + r.Heaviest(kind.MaxItems(), func(n int) int64 { return known[r.Images[n]].Size })
	if total > asset.MaxTotal {
		return fault.New(fault.GiveUp, "files_too_large",
			fmt.Sprintf("The files of one mail may have %d bytes, and can have %d by %s.", int64(asset.MaxTotal), total, kind))
	}
	return nil
}

func unknownAsset(uid ident.UID) error {
	return fault.New(fault.GiveUp, "unknown_asset", fmt.Sprintf("File %s is no more.", uid))
}

// filesWait is how long a batch waits whose files cannot be read just now.
const filesWait = time.Second

// addFiles puts the images that a reader's mail shows into it, and the attachments. That a file cannot be read is
// not the reader's fault and uses no attempt.
func addFiles(ctx context.Context, held *edition.Held, e *edition.Edition, images []ident.UID, mail *channel.Mail) error {
	var err error
	if mail.Inline, err = held.Inline(ctx, images); err == nil {
		mail.Attached, err = held.Attached(ctx, e.Publication.Attachments)
	}
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.GiveUp):
		return fault.Wrap(err, fault.GiveUp, delivery.CodeUnrenderable)
	default:
		return fault.WaitFor(filesWait, "files_unavailable", err)
	}
}
