package edition

import (
	"context"
	"fmt"
	"sync"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/mime"
	"github.com/presswork/presswork/internal/rendition"
)

// keptFiles bounds the files that a process remembers, in bytes as they go into mails. They are kept each by
// itself and not with the editions, of which 64 could hold 900 MB.
const keptFiles = 64 << 20

// FileStore reads uploaded files.
type FileStore interface {
	// AssetContent is a file with its bytes, or NotFound.
	AssetContent(ctx context.Context, uid ident.UID) (asset.Asset, []byte, error)
}

// Files reads uploaded files, encodes them for mails and remembers them: they never change. It is safe for
// concurrent use.
type Files struct {
	store FileStore
	known *keep.Values[ident.UID, parts]
}

// parts is a file in both forms that it may have in a mail; they share the body.
type parts struct{ attached, inline *channel.File }

// NewFiles makes an empty one.
func NewFiles(store FileStore) *Files {
	return &Files{store: store, known: keep.New[ident.UID](keptFiles, parts.size)}
}

func (p parts) size() int {
	return len(p.attached.Header) + len(p.attached.Body) + len(p.inline.Header)
}

func (f *Files) read(ctx context.Context, uid ident.UID) (parts, error) {
	a, content, err := f.store.AssetContent(ctx, uid)
	if err != nil {
		return parts{}, err
	}
	body := mime.EncodeFile(content)
	var p parts
	if p.attached, err = mime.Attachment(a.Name, a.MediaType, body); err != nil {
		return parts{}, err
	}
	p.inline, err = mime.Inline(a.Name, a.MediaType, rendition.ContentID(uid), body)
	return p, err
}

// Held are the files that the mails of one batch need. They stay until the batch is done, whatever the process
// forgets meanwhile: of a file there is one copy for a batch at most, rather than for a mail. It is safe for
// concurrent use.
type Held struct {
	files *Files
	mu    sync.Mutex
	known map[ident.UID]parts
}

// Hold begins a batch. It reads nothing.
func (f *Files) Hold() *Held { return &Held{files: f} }

// Attached are files as attachments, in the same order. It returns NotFound for one that is no more.
func (h *Held) Attached(ctx context.Context, uids []ident.UID) ([]*channel.File, error) {
	return h.all(ctx, uids, func(p parts) *channel.File { return p.attached })
}

// Inline are images as a mail's HTML shows them, in the same order. It returns NotFound for one that is no more.
func (h *Held) Inline(ctx context.Context, uids []ident.UID) ([]*channel.File, error) {
	return h.all(ctx, uids, func(p parts) *channel.File { return p.inline })
}

func (h *Held) all(ctx context.Context, uids []ident.UID, form func(parts) *channel.File) ([]*channel.File, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	list := make([]*channel.File, 0, len(uids))
	for _, uid := range uids {
		p, err := h.one(ctx, uid)
		if err != nil {
			return nil, fmt.Errorf("read file %s: %w", uid, err)
		}
		list = append(list, form(p))
	}
	return list, nil
}

func (h *Held) one(ctx context.Context, uid ident.UID) (parts, error) {
	h.mu.Lock()
	p, ok := h.known[uid]
	h.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := h.files.known.Get(ctx, uid, func(ctx context.Context) (parts, error) { return h.files.read(ctx, uid) })
	if err != nil {
		return parts{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if earlier, ok := h.known[uid]; ok {
		return earlier, nil
	}
	if h.known == nil {
		h.known = make(map[ident.UID]parts)
	}
	h.known[uid] = p
	return p, nil
}
