package edition

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/text/language"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
)

// MessageStore reads what a message is made of.
type MessageStore interface {
	// MessageToSend is NotFound if the message's data is no more.
	MessageToSend(ctx context.Context, publicationID int64) (publication.Addressed, error)
	SenderByID(ctx context.Context, id int32) (sender.Identity, error)
	BrandByID(ctx context.Context, id int32) (brand.Brand, error)
	PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error)
	// StoreLinks keeps where the numbered links of a tracked message lead. It may be repeated.
	StoreLinks(ctx context.Context, publicationID int64, links []string) error
}

// Stationery is what messages are written on: their templates, compiled. A version of a template never changes, so a
// thousand messages of one compile it once; what is a message's own is put in when it is written.
type Stationery struct {
	store  MessageStore
	engine template.Engine
	images string
	sheets *keep.Values[sheet, *Edition]
	from   *keep.Recent[int32, author]
}

// author is who a message is from, and as templates see them.
type author struct {
	sender.Identity
	face  rendition.Sender
	brand rendition.Brand
}

// sheet says what decides how a template is prepared.
type sheet struct {
	template publication.Pin // zero: the built-in text of the letter
	letter   string
	css      string // the brand's rules for a built-in text
	tracked  bool
}

// keptSheets is how many templates a process remembers for messages: more than an organisation has.
const keptSheets = 256

// keptSenders is how many sender identities a process remembers, each for fromLife: who changes one sees it in the next message.
const (
	keptSenders = 256
	fromLife    = time.Second
)

// NewStationery makes an empty one. images stands in front of the ids of uploaded images: https://host/p/a/.
func NewStationery(store MessageStore, engine template.Engine, images string) *Stationery {
	return &Stationery{store: store, engine: engine, images: images, sheets: keep.New[sheet, *Edition](keptSheets, nil),
		from: keep.NewRecent[int32, author](keptSenders)}
}

// Write is a message as an edition in one language, the nearest to its recipient's.
func (s *Stationery) Write(ctx context.Context, publicationID int64) (*Edition, error) {
	m, err := s.store.MessageToSend(ctx, publicationID)
	if err != nil {
		return nil, err
	}
	e := &Edition{Publication: m.Publication, Kind: channel.Email, Message: &m.Message}
	var by author
	if m.SenderID != nil {
		if by, err = s.author(ctx, *m.SenderID); err != nil {
			return nil, fmt.Errorf("read the sender: %w", err)
		}
	}
	e.From = by.Identity
	of := sheet{letter: m.Letter, css: by.brand.CSS(), tracked: m.Tracked}
	if m.Template != nil {
		of = sheet{template: *m.Template, tracked: m.Tracked}
	}
	blank, err := s.sheets.Get(ctx, of, func(ctx context.Context) (*Edition, error) { return s.prepare(ctx, of) })
	if err != nil {
		return nil, err
	}
	v := blank.In(m.Language)
	if len(v.Links) > 0 {
		if err := s.store.StoreLinks(ctx, publicationID, v.Links); err != nil {
			return nil, err
		}
	}
	v.Publication = rendition.Publication{ID: m.UID.String(), Title: m.Title, Type: string(m.Type),
		Date: m.CreatedAt.UTC().Format(time.DateOnly), Language: v.Language}
	v.Sender, v.Brand, v.Data = by.face, by.brand, m.Message.Data
	v.Compiled = v.For(v.Rendition)
	e.versions = []Version{v}
	return e, nil
}

func (s *Stationery) author(ctx context.Context, id int32) (author, error) {
	return s.from.Get(ctx, id, time.Now(), func(ctx context.Context) (author, time.Time, error) {
		from, err := s.store.SenderByID(ctx, id)
		var of brand.Brand
		if err == nil && from.BrandID != nil {
			of, err = s.store.BrandByID(ctx, *from.BrandID)
		}
		by := author{Identity: from}
		by.face, by.brand = Face(from, of, s.images)
		return by, time.Now().Add(fromLife), err
	})
}

// prepare compiles a template in all its languages, for no message in particular.
func (s *Stationery) prepare(ctx context.Context, of sheet) (*Edition, error) {
	sources, err := s.sources(ctx, of)
	if err != nil {
		return nil, err
	}
	blank := &Edition{Kind: channel.Email}
	var tags []language.Tag
	for _, source := range sources {
		v := Version{}
		if v.Rendition, err = rendition.Prepare(rendition.Input{Template: source, CSS: of.css, Track: of.tracked}); err != nil {
			return nil, fault.Wrap(err, fault.GiveUp, "unreadable_template")
		}
		if v.Compiled, err = rendition.Compile(s.engine, v.Rendition, nil); err != nil {
			return nil, fault.Wrap(err, fault.GiveUp, "unreadable_template")
		}
		blank.versions = append(blank.versions, v)
		tags = append(tags, language.Make(source.Language))
	}
	blank.englishFirst(tags)
	blank.languages = language.NewMatcher(tags)
	return blank, nil
}

// sources are a template in all its languages.
func (s *Stationery) sources(ctx context.Context, of sheet) ([]template.Template, error) {
	if of.letter != "" {
		return letterSources(letter.Kind(of.letter))
	}
	set, err := s.store.PinnedTemplate(ctx, of.template.ID, of.template.Version)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var list []template.Template
	for _, tag := range slices.Sorted(maps.Keys(set.Languages)) {
		source := set.Languages[tag]
		list = append(list, template.Template{Name: set.Name, Channel: string(channel.Email), Language: tag,
			Subject: source.Subject, HTML: source.HTML, Text: source.Text, Version: set.Version})
	}
	return list, nil
}

func letterSources(k letter.Kind) ([]template.Template, error) {
	texts, err := letter.Texts(k)
	if err != nil {
		return nil, fault.Wrap(err, fault.GiveUp, "unreadable_template")
	}
	list := make([]template.Template, len(texts))
	for i, t := range texts {
		list[i] = template.Template{Name: k.TemplateName(), Channel: string(channel.Email), Language: t.Language,
			Subject: t.Subject, HTML: t.HTML, Text: t.Body, Version: 1}
	}
	return list, nil
}
