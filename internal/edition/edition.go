// Package edition is a publication as it is sent and shown: what the render task stored for a channel,
// compiled, in every language. It stands above the domain packages, as internal/rendition does.
package edition

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/text/language"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
)

// Edition is a publication on one channel kind, in every language it was rendered in.
type Edition struct {
	Publication *publication.Publication
	Kind        channel.Kind
	From        sender.Identity
	// Message is what a message to one recipient has of its own; nil for any other publication.
	Message   *publication.Message
	versions  []Version
	languages language.Matcher
	nearest   sync.Map // index of a version, by what In was asked for
	asked     atomic.Int32
}

// Version is an edition in one language.
type Version struct {
	rendition.Rendition
	*rendition.Compiled
}

// In is the version in the language nearest to the given ones, in the form of a BCP 47 tag or of an
// Accept-Language header; English, or the first, if none is near.
func (e *Edition) In(tags string) Version {
	if len(e.versions) == 1 {
		return e.versions[0]
	}
	known, _ := e.nearest.Load(tags)
	if i, ok := known.(int); ok {
		return e.versions[i]
	}
	i := 0
	if wanted, _, err := language.ParseAcceptLanguage(tags); err == nil {
		_, i, _ = e.languages.Match(wanted...)
	}
	if len(tags) <= maxAsked && e.asked.Add(1) <= askedKept {
		e.nearest.Store(tags, i)
	}
	return e.versions[i]
}

// An edition remembers answers of In: more than there are languages among readers, and few and short enough for
// visitors of the archive to ask for whatever they like.
const (
	askedKept = 256
	maxAsked  = 64 // bytes
)

// Custom reports whether the publication names a template of its own for the channel kind; else it is the built-in one.
func (e *Edition) Custom() bool {
	_, named := e.Publication.Templates[string(e.Kind)]
	return named
}

// Encode is a rendition as it is stored.
func Encode(kind channel.Kind, r rendition.Rendition) (publication.StoredRendition, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return publication.StoredRendition{}, fmt.Errorf("encode a rendition: %w", err)
	}
	return publication.StoredRendition{Channel: kind.ID(), Language: r.Language, Body: body}, nil
}

// Store reads what the render task stored.
type Store interface {
	Edition(ctx context.Context, id int64, channelID int16) (*publication.Publication, []publication.StoredRendition, error)
	SenderByID(ctx context.Context, id int32) (sender.Identity, error)
}

// noRendition is the code for a publication that has none on a channel.
const noRendition = "no_rendition"

// kept is how many compiled editions a process remembers: those in hand, and a few before.
const kept = 64

// Shelf reads, compiles and remembers editions, which never change once sending has begun.
type Shelf struct {
	store  Store
	engine template.Engine
	known  *keep.Values[key, *Edition]
	moulds *rendition.Moulds
}

type key struct {
	publication int64
	channel     int16
}

// NewShelf makes an empty one.
func NewShelf(store Store, engine template.Engine) *Shelf {
	return &Shelf{store: store, engine: engine, known: keep.New[key, *Edition](kept, nil), moulds: rendition.NewMoulds()}
}

// Get is the edition of a publication on a channel kind. Many may ask at once; one reads.
func (m *Shelf) Get(ctx context.Context, publicationID int64, channelID int16) (*Edition, error) {
	k := key{publicationID, channelID}
	return m.known.Get(ctx, k, func(ctx context.Context) (*Edition, error) { return m.load(ctx, k) })
}

func (m *Shelf) load(ctx context.Context, k key) (*Edition, error) {
	kind, err := channel.KindOf(k.channel)
	if err != nil {
		return nil, fault.Wrap(err, fault.GiveUp, "unknown_channel")
	}
	p, stored, err := m.store.Edition(ctx, k.publication, k.channel)
	if err != nil {
		return nil, err
	}
	e := &Edition{Publication: p, Kind: kind}
	if p.SenderID != nil {
		if e.From, err = m.store.SenderByID(ctx, *p.SenderID); err != nil {
			return nil, fmt.Errorf("read the sender: %w", err)
		}
	}
	var tags []language.Tag
	for _, s := range stored {
		var v Version
		if err := json.Unmarshal(s.Body, &v.Rendition); err != nil {
			return nil, fault.Wrap(err, fault.GiveUp, "unreadable_rendition")
		}
		if v.Compiled, err = rendition.Compile(m.engine, v.Rendition, m.moulds); err != nil {
			return nil, fault.Wrap(err, fault.GiveUp, "unreadable_rendition")
		}
		e.versions = append(e.versions, v)
		tags = append(tags, language.Make(s.Language))
	}
	if len(e.versions) == 0 {
		return nil, fault.Wrap(errors.New("nothing was rendered"), fault.GiveUp, noRendition)
	}
	e.englishFirst(tags)
	e.languages = language.NewMatcher(tags)
	return e, nil
}

// englishFirst makes English, if it is there, the version for readers of languages that are not.
func (e *Edition) englishFirst(tags []language.Tag) {
	for i, tag := range tags {
		if base, _ := tag.Base(); base.String() == "en" {
			tags[0], tags[i] = tags[i], tags[0]
			e.versions[0], e.versions[i] = e.versions[i], e.versions[0]
			return
		}
	}
}

// PublicationIDs knows publications by their public ids.
type PublicationIDs interface {
	PublicationID(ctx context.Context, uid ident.UID) (int64, error)
}

// Archive shows newsletters to anybody, as their public page does.
type Archive struct {
	IDs   PublicationIDs
	Shelf *Shelf
	// Images stands in front of the ids of uploaded images: https://host/p/a/.
	Images string
}

// Archive is a newsletter for a reader nobody knows: without tracking, and with everything that is in it; and the slug that its brand
// had when it was rendered, empty of none. It is NotFound if the publication was not sent as a newsletter.
func (a *Archive) Archive(ctx context.Context, uid ident.UID, languages string) (html, brand string, err error) {
	id, err := a.IDs.PublicationID(ctx, uid)
	if err != nil {
		return "", "", err
	}
	e, err := a.Shelf.Get(ctx, id, channel.Newsletter.ID())
	if fault.CodeOf(err) == noRendition {
		return "", "", fault.New(fault.NotFound, "no_such_page", "")
	}
	if err != nil {
		return "", "", err
	}
	if e.Publication.Gathered() { // it has what different readers get, and not everything is for everybody
		return "", "", fault.New(fault.NotFound, "no_such_page", "")
	}
	v := e.In(languages)
	rendered, err := v.Render(rendition.Recipient{Language: v.Language}, nil, a.links(v))
	return rendered.HTML, v.Brand.Slug, err
}

// links are the addresses for a reader nobody knows: nothing is tracked.
func (a *Archive) links(v Version) rendition.Links {
	return rendition.Links{Archive: v.Publication.URL, Images: a.Images}
}
