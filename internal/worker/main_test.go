package worker

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// errAway is what a store answers whose database is away: another try may succeed.
var errAway = fault.New(fault.Unavailable, "database_unavailable", "")

// memory is a store with one publication, which remembers what was done to it.
type memory struct {
	p        *publication.Publication
	items    []content.Item
	set      template.Set
	audience int
	from     sender.Identity
	limit    string // that every template passes, if not empty
	retried  int    // how often the task has been
	stopped  bool   // StartFanout finds the publication no longer rendering
	pages    []*publication.Page
	assets   []asset.Asset

	contentsErr, templateErr, senderErr, assetsErr, countErr, fanoutErr, readErr, expandErr error

	counted int
	// brand is that of the sender, if it has one.
	brand    brand.Brand
	brandErr error
	// templatesRead counts the reads of templates.
	templatesRead int
	fanout        *publication.Fanout
	failure       string
	expanded      []expansion
	parts         []publication.DigestPart
}

type expansion struct {
	gen      int
	channels []int16
	choices  [][]byte
	inline   bool
}

func (m *memory) StartRender(context.Context, int64) (*publication.Publication, error) {
	return m.p, nil
}

func (m *memory) DigestParts(context.Context, int64) ([]publication.DigestPart, error) {
	return m.parts, nil
}

func (m *memory) PinnedContents(context.Context, []publication.Pin) ([]content.Item, error) {
	return m.items, m.contentsErr
}

func (m *memory) PinnedTemplate(context.Context, int64, int) (template.Set, error) {
	m.templatesRead++
	return m.set, m.templateErr
}

func (m *memory) SenderByID(context.Context, int32) (sender.Identity, error) {
	return m.from, m.senderErr
}

func (m *memory) BrandByID(context.Context, int32) (brand.Brand, error) { return m.brand, m.brandErr }

func (m *memory) Assets(_ context.Context, uids []ident.UID) ([]asset.Asset, error) {
	var list []asset.Asset
	for _, a := range m.assets {
		if slices.Contains(uids, a.UID) {
			list = append(list, a)
		}
	}
	return list, m.assetsErr
}

func (m *memory) CountAudience(_ context.Context, _ publication.Audience, limit int) (int, error) {
	m.counted++
	return min(m.audience, limit), m.countErr
}

func (m *memory) StartFanout(_ context.Context, f publication.Fanout) ([]int64, bool, error) {
	if m.fanoutErr != nil || m.stopped {
		return nil, false, m.fanoutErr
	}
	m.fanout = &f
	ids := make([]int64, f.Ranges)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	return ids, true, nil
}

func (m *memory) FailPublication(_ context.Context, _ int64, reason string) error {
	m.failure = reason
	return nil
}

// ReadPage has generation n read page n.
func (m *memory) ReadPage(_ context.Context, _ int64, gen int) (*publication.Page, error) {
	if m.readErr != nil || gen < 1 || gen > len(m.pages) {
		return nil, m.readErr
	}
	return m.pages[gen-1], nil
}

func (m *memory) ExpandPage(_ context.Context, page *publication.Page, channels []int16, choices [][]byte, inline bool) (*publication.Expanded, error) {
	if m.expandErr != nil {
		return nil, m.expandErr
	}
	m.expanded = append(m.expanded, expansion{page.Gen, channels, choices, inline})
	return &publication.Expanded{Gen: page.Gen + 1, Done: page.Gen == len(m.pages)}, nil
}

// fakeSender records what it is handed.
type fakeSender struct {
	mu       sync.Mutex
	messages []*channel.Message
	closed   int
	answer   func(*channel.Message) error
}

func (f *fakeSender) Send(_ context.Context, m *channel.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, m)
	if f.answer != nil {
		return f.answer(m)
	}
	return nil
}

func (f *fakeSender) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fakeSender) closes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

func (f *fakeSender) sent() []*channel.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.messages
}

// limited is an engine whose templates pass a limit: when they are rendered, or as soon as they are parsed.
type limited struct {
	template.Engine
	limit   string
	parsing bool
}

func (e limited) Parse(name, source string, kind template.Kind) (template.Program, error) {
	if e.parsing {
		return nil, &template.LimitError{Name: name, Limit: e.limit}
	}
	p, err := e.Engine.Parse(name, source, kind)
	return limitedProgram{p, e.limit}, err
}

type limitedProgram struct {
	template.Program
	limit string
}

func (p limitedProgram) Render(map[string]any) (string, error) {
	return "", &template.LimitError{Name: "html", Limit: p.limit}
}
