package edition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeStore has one publication with what was rendered of it.
type fakeStore struct {
	reads    atomic.Int64
	p        publication.Publication
	stored   []publication.StoredRendition
	err      error
	noSender error
	began    chan struct{} // told of each read, if not nil
	hold     chan struct{} // each read waits for it, if not nil
}

func (f *fakeStore) Edition(ctx context.Context, _ int64, _ int16) (*publication.Publication, []publication.StoredRendition, error) {
	f.reads.Add(1)
	if f.began != nil {
		f.began <- struct{}{}
	}
	if f.hold != nil {
		<-f.hold
	}
	if f.err != nil {
		return nil, nil, f.err
	}
	return &f.p, f.stored, ctx.Err()
}

func (f *fakeStore) SenderByID(context.Context, int32) (sender.Identity, error) {
	return sender.Identity{FromName: "Desk", FromEmail: "desk@example.org"}, f.noSender
}

// newsletter is a store with one, rendered in the given languages by a template that is quick to prepare.
func newsletter(t *testing.T, languages ...string) *fakeStore {
	t.Helper()
	var sources []template.Template
	for _, language := range languages {
		sources = append(sources, template.Template{Name: "plain", Channel: string(channel.Newsletter), Language: language,
			Subject: "{{ publication.title }}", HTML: "<p>{{ item.title }}</p>", Text: "{{ item.title }}"})
	}
	return rendered(t, sources...)
}

// builtin is a store with a newsletter, rendered by the built-in template in the given languages.
func builtin(t *testing.T, languages ...string) *fakeStore {
	t.Helper()
	library, err := template.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	var sources []template.Template
	for _, language := range languages {
		source, ok := library.Find(string(channel.Newsletter), language)
		if !ok {
			t.Fatalf("no newsletter in %s", language)
		}
		sources = append(sources, source)
	}
	return rendered(t, sources...)
}

func rendered(t *testing.T, sources ...template.Template) *fakeStore {
	t.Helper()
	f := &fakeStore{p: publication.Publication{ID: 1, UID: ident.New(), Title: "Spring"}}
	items := []content.Item{
		{Title: "Seeds", Body: "Sow [early](https://example.org/early).", Format: content.Markdown, URL: "https://example.org/seeds"},
		{Title: "Trees", Body: "Prune.", Format: content.Markdown, URL: "https://example.org/trees"},
	}
	for _, source := range sources {
		r, err := rendition.Prepare(rendition.Input{Template: source, Items: items, Writer: content.NewWriter(), Track: true,
			Publication: rendition.Publication{Title: "Spring", URL: "https://house.example/p/n/1"}})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := Encode(channel.Newsletter, r)
		if err != nil {
			t.Fatal(err)
		}
		f.stored = append(f.stored, stored)
	}
	return f
}

func shelf(t *testing.T, store Store) *Shelf {
	t.Helper()
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewShelf(store, engine)
}

func TestOneReadsForMany(t *testing.T) {
	t.Parallel()
	store := newsletter(t, "en")
	store.hold, store.began = make(chan struct{}), make(chan struct{}, 100)
	s := shelf(t, store)
	editions := make(chan *Edition, 20)
	var wg sync.WaitGroup
	for range cap(editions) {
		wg.Go(func() {
			e, err := s.Get(t.Context(), 1, channel.Newsletter.ID())
			if err != nil {
				t.Error(err)
			}
			editions <- e
		})
	}
	<-store.began
	close(store.hold)
	wg.Wait()
	first := <-editions
	for range cap(editions) - 1 {
		if e := <-editions; e != first {
			t.Error("two editions of one publication")
		}
	}
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
}

// TestCallersThatLeave neither wait nor take the reading with them.
func TestCallersThatLeave(t *testing.T) {
	t.Parallel()
	store := newsletter(t, "en")
	store.hold, store.began = make(chan struct{}), make(chan struct{}, 1)
	s := shelf(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := s.Get(ctx, 1, channel.Newsletter.ID()); first <- err }()
	<-store.began
	cancel()
	if _, err := s.Get(ctx, 1, channel.Newsletter.ID()); !errors.Is(err, context.Canceled) {
		t.Errorf("one who left got %v", err)
	}
	close(store.hold)
	<-first // its reading was done when it looked whether it is still wanted: either answer is right
	if e, err := s.Get(t.Context(), 1, channel.Newsletter.ID()); err != nil || e == nil || store.reads.Load() != 1 {
		t.Errorf("%v, %v after %d reads", e, err, store.reads.Load())
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	t.Parallel()
	store := newsletter(t, "en")
	s := shelf(t, store)
	if _, err := s.Get(t.Context(), 2, channel.Newsletter.ID()); err != nil {
		t.Fatal(err)
	}
	store.err = fault.New(fault.Unavailable, "database_unavailable", "")
	for range 2 * kept {
		if _, err := s.Get(t.Context(), 1, channel.Newsletter.ID()); !errors.Is(err, store.err) {
			t.Fatalf("got %v", err)
		}
	}
	store.err = nil
	reads := store.reads.Load()
	if _, err := s.Get(t.Context(), 2, channel.Newsletter.ID()); err != nil || store.reads.Load() != reads {
		t.Errorf("%v; failures of one pushed another out", err)
	}
	if _, err := s.Get(t.Context(), 1, channel.Newsletter.ID()); err != nil || store.reads.Load() != reads+1 {
		t.Errorf("%v after %d reads", err, store.reads.Load())
	}
}

func TestOnlyTheLastAreKept(t *testing.T) {
	t.Parallel()
	store := newsletter(t, "en")
	s := shelf(t, store)
	for id := range int64(kept + 1) {
		if _, err := s.Get(t.Context(), id, channel.Newsletter.ID()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct{ id, reads int64 }{{kept, 0}, {1, 0}, {0, 1}} {
		before := store.reads.Load()
		if _, err := s.Get(t.Context(), tc.id, channel.Newsletter.ID()); err != nil || store.reads.Load()-before != tc.reads {
			t.Errorf("edition %d: %v, %d reads, want %d", tc.id, err, store.reads.Load()-before, tc.reads)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	id := int32(1)
	for name, tc := range map[string]struct {
		change  func(*fakeStore)
		channel int16
		kind    fault.Kind
		code    string
	}{
		"unknown channel":     {func(*fakeStore) {}, 99, fault.GiveUp, "unknown_channel"},
		"nothing rendered":    {func(f *fakeStore) { f.stored = nil }, 2, fault.GiveUp, noRendition},
		"no JSON":             {func(f *fakeStore) { f.stored[0].Body = []byte("{") }, 2, fault.GiveUp, "unreadable_rendition"},
		"no template":         {func(f *fakeStore) { f.stored[0].Body = []byte(`{"text":"{{"}`) }, 2, fault.GiveUp, "unreadable_rendition"},
		"sender that is gone": {func(f *fakeStore) { f.p.SenderID, f.noSender = &id, fault.New(fault.NotFound, "not_found", "") }, 2, fault.NotFound, "not_found"},
	} {
		store := newsletter(t, "en")
		tc.change(store)
		if _, err := shelf(t, store).Get(t.Context(), 1, tc.channel); !fault.Is(err, tc.kind) || fault.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSenderIsRead(t *testing.T) {
	t.Parallel()
	store := newsletter(t, "en")
	id := int32(1)
	store.p.SenderID = &id
	if e, err := shelf(t, store).Get(t.Context(), 1, 2); err != nil || e.From.FromEmail != "desk@example.org" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestNearestLanguage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rendered []string
		wanted   map[string]string
	}{
		{[]string{"de", "en", "es", "fr"}, map[string]string{
			"de": "de", "de-AT": "de", "DE": "de", "fr-CA": "fr", "en-GB": "en", "es-419": "es",
			"": "en", "nl": "en", "ja": "en", "xx-invalid-language-tag": "en", "!": "en",
			"nl, fr;q=0.5, de;q=0.1": "fr", "nl,en;q=0.1": "en",
		}},
		{[]string{"de", "fr"}, map[string]string{"": "de", "fr": "fr", "en": "de", "es": "de"}},
	} {
		e, err := shelf(t, newsletter(t, tc.rendered...)).Get(t.Context(), 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 { // it remembers its first answers
			for tags, want := range tc.wanted {
				if got := e.In(tags).Language; got != want {
					t.Errorf("of %v, %q is nearest to %s, want %s, in round %d", tc.rendered, tags, got, want, round)
				}
			}
			for i := range 300 {
				e.In(fmt.Sprintf("%s;q=0.%d", strings.Repeat("nl,", i%40)+"nl", i)) // and not what strangers make up
			}
		}
	}
}

// fakeIDs knows one publication.
type fakeIDs struct{ uid ident.UID }

func (f fakeIDs) PublicationID(_ context.Context, uid ident.UID) (int64, error) {
	if uid != f.uid {
		return 0, fault.New(fault.NotFound, "not_found", "")
	}
	return 1, nil
}

func TestArchiveIsAnonymousAndUntracked(t *testing.T) {
	t.Parallel()
	store := builtin(t, "en", "de")
	a := Archive{IDs: fakeIDs{store.p.UID}, Shelf: shelf(t, store)}
	page, slug, err := a.Archive(t.Context(), store.p.UID, "de-CH, en;q=0.5")
	if err != nil || slug != "" {
		t.Fatal(slug, err)
	}
	for _, want := range []string{"Seeds", "Trees", "https://example.org/early", "https://example.org/seeds", "Weiterlesen"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, unwanted := range []string{"presswork-", "/t/o/", "/t/c/", "Read more"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("%q is in it", unwanted)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestArchiveNamesItsBrand(t *testing.T) {
	t.Parallel()
	store := builtin(t, "en")
	var r rendition.Rendition
	if err := json.Unmarshal(store.stored[0].Body, &r); err != nil {
		t.Fatal(err)
	}
	r.Brand = rendition.Brand{Slug: "daily", Name: "The Daily"}
	stored, err := Encode(channel.Newsletter, r)
	if err != nil {
		t.Fatal(err)
	}
	store.stored[0] = stored
	a := Archive{IDs: fakeIDs{store.p.UID}, Shelf: shelf(t, store)}
	page, slug, err := a.Archive(t.Context(), store.p.UID, "")
	if err != nil || slug != "daily" || !strings.Contains(page, "The Daily") {
		t.Errorf("of the brand %q, %v: %s", slug, err, page)
	}
}

func TestArchiveOfWhatIsNone(t *testing.T) {
	t.Parallel()
	store := newsletter(t)
	a := Archive{IDs: fakeIDs{store.p.UID}, Shelf: shelf(t, store)}
	for name, uid := range map[string]ident.UID{"not sent as a newsletter": store.p.UID, "unknown": ident.New()} {
		if _, _, err := a.Archive(t.Context(), uid, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	store.err = fault.New(fault.Unavailable, "database_unavailable", "")
	if _, _, err := a.Archive(t.Context(), store.p.UID, ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("with the database away: %v", err)
	}
}
