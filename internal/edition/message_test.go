package edition

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/jinja"
	"github.com/presswork/presswork/internal/letter"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/rendition"
	"github.com/presswork/presswork/internal/sender"
	"github.com/presswork/presswork/internal/template"
)

// desk is a store with one message.
type desk struct {
	m                          publication.Message
	set                        template.Set
	read                       int
	links                      []string
	noMessage, noFrom, noPaper error
	noLinks                    error
	brandID                    *int32
	brand                      brand.Brand
	noBrand                    error
}

func (d *desk) MessageToSend(context.Context, int64) (publication.Addressed, error) {
	from := int32(1)
	return publication.Addressed{Message: d.m, Publication: &publication.Publication{ID: 1, UID: ident.New(), Title: "Receipt",
		Type: publication.Transactional, SenderID: &from, CreatedAt: time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)}}, d.noMessage
}

func (d *desk) SenderByID(context.Context, int32) (sender.Identity, error) {
	return sender.Identity{FromName: "House & Garden", FromEmail: "desk@example.org", PostalAddress: "Street 1", BrandID: d.brandID}, d.noFrom
}

func (d *desk) BrandByID(context.Context, int32) (brand.Brand, error) { return d.brand, d.noBrand }

func (d *desk) PinnedTemplate(context.Context, int64, int) (template.Set, error) {
	d.read++
	return d.set, d.noPaper
}

func (d *desk) StoreLinks(_ context.Context, _ int64, links []string) error {
	d.links = links
	return d.noLinks
}

func stationery(t *testing.T, d *desk) *Stationery {
	t.Helper()
	engine, err := jinja.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewStationery(d, engine, "https://house.example/p/a/")
}

func written(t *testing.T, s *Stationery) rendition.Rendered {
	t.Helper()
	e, err := s.Write(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.In("").Render(rendition.Recipient{Email: "ada@reader.example", Name: "Ada <b>", FirstName: "Ada <b>"}, nil, rendition.Links{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLetters writes every letter in every language: with its link in both parts, the sender's name, and what a reader is
// called, none of which can be HTML. Who has yet to confirm was perhaps named by a stranger, and is not called anything.
func TestLetters(t *testing.T) {
	t.Parallel()
	const link = "https://house.example/p/confirm/abc?a=1&b=2"
	for _, k := range letter.Kinds() {
		for _, language := range append(letter.Languages(), "de-AT", "ja") {
			d := &desk{m: publication.Message{Letter: string(k), Language: language, Data: map[string]any{"link": link, "until": "2040-02-03"}}}
			out := written(t, stationery(t, d))
			for part, wants := range map[string][]string{
				out.HTML: {"https://house.example/p/confirm/abc?a=1&amp;b=2", "House &amp; Garden", "2040-02-03", "Street 1"},
				out.Text: {link, "House & Garden", "2040-02-03", "Street 1"},
			} {
				for _, want := range wants {
					if !strings.Contains(part, want) {
						t.Errorf("%s in %s lacks %q:\n%s", k, language, want, part)
					}
				}
			}
			if named := k != letter.ConfirmSubscription; strings.Contains(out.HTML, "Ada &lt;b&gt;") != named || strings.Contains(out.Text, "Ada <b>") != named {
				t.Errorf("%s in %s is to be to Ada: %v\n%s", k, language, named, out.Text)
			}
			if !strings.Contains(out.Subject, "House & Garden") || strings.Contains(out.Subject+out.HTML+out.Text, "{{") {
				t.Errorf("%s in %s: %q", k, language, out.Subject)
			}
			if strings.Contains(out.HTML, `dir="rtl"`) != (language == "ar") {
				t.Errorf("%s in %s goes the wrong way", k, language)
			}
		}
	}
}

// TestMessagesOfABrand: what a template knows of the brand is there, escaped, and a letter has its name and its colours.
func TestMessagesOfABrand(t *testing.T) {
	t.Parallel()
	id := int32(3)
	logo := ident.New()
	d := &desk{brandID: &id, brand: brand.Brand{ID: id, Slug: "daily", Name: "Day & <Night>", Logo: brand.LogoOf(logo), Color: "#ffcc00"},
		set: template.Set{Name: "receipt", Channel: "email", Languages: map[string]template.Source{
			"en": {Subject: "{{ brand.name }}", HTML: `<p style="color:{{ brand.text_color }}">{{ brand.name }}<img src="{{ brand.logo }}" alt=""></p>`},
		}}}
	s := stationery(t, d)
	d.m = publication.Message{Template: &publication.Pin{ID: 7, Version: 2}}
	out := written(t, s)
	for _, want := range []string{"Day &amp; &lt;Night&gt;", `style="color:#000000"`, `src="https://house.example/p/a/` + logo.String() + `"`} {
		if !strings.Contains(out.HTML, want) {
			t.Errorf("lacks %s:\n%s", want, out.HTML)
		}
	}
	if out.Subject != "Day & <Night>" || strings.Contains(out.HTML, "ffcc00") {
		t.Errorf("%+v", out)
	}
	d.m = publication.Message{Letter: string(letter.PreferenceLink), Data: map[string]any{"link": "https://house.example/p/x"}}
	out = written(t, s)
	for _, want := range []string{"<bdi>Day &amp; &lt;Night&gt;</bdi>", "background-color:#ffcc00", "House &amp; Garden"} {
		if !strings.Contains(out.HTML, want) {
			t.Errorf("the letter lacks %s:\n%s", want, out.HTML)
		}
	}
	d.brandID = nil
	if out = written(t, stationery(t, d)); strings.Contains(out.HTML, "Night") || strings.Contains(out.HTML, "ffcc00") {
		t.Errorf("a letter of no brand:\n%s", out.HTML)
	}
	d.brandID, d.noBrand = &id, errors.New("away")
	if _, err := stationery(t, d).Write(t.Context(), 1); !errors.Is(err, d.noBrand) {
		t.Errorf("a brand that cannot be read: %v", err)
	}
}

// TestMessagesOfATemplate: it is read and compiled once, and what is a message's own is not another's.
func TestMessagesOfATemplate(t *testing.T) {
	t.Parallel()
	d := &desk{set: template.Set{Name: "receipt", Channel: "email", Languages: map[string]template.Source{
		"en": {Subject: "Order {{ data.order }}", HTML: `<style>p{color:red}</style><p>Paid: {{ data.paid }} <a href="https://shop.example/">shop</a></p>`},
		"de": {Subject: "Auftrag {{ data.order }}", HTML: "<p>Bezahlt: {{ data.paid }}</p>", Text: "Bezahlt ({{ publication.title }})"},
	}}}
	s := stationery(t, d)
	d.m = publication.Message{Template: &publication.Pin{ID: 7, Version: 2}, Data: map[string]any{"order": 1.0, "paid": "5 <€>"}}
	first := written(t, s)
	if first.Subject != "Order 1" || !strings.Contains(first.HTML, `color:red`) || !strings.Contains(first.HTML, "5 &lt;€&gt;") ||
		!strings.HasPrefix(first.Text, "Paid: 5 <€>") || strings.Contains(first.Text, "color") || strings.Contains(first.HTML, "presswork-") {
		t.Errorf("%+v", first)
	}
	d.m.Language, d.m.Data = "de-CH", map[string]any{"order": 2.0}
	if second := written(t, s); second.Subject != "Auftrag 2" || second.Text != "Bezahlt (Receipt)" {
		t.Errorf("%+v", second)
	}
	if d.read != 1 {
		t.Errorf("read %d times", d.read)
	}
	d.m.Tracked, d.m.Language = true, "en"
	e, err := s.Write(t.Context(), 1)
	if err != nil || e.Message == nil || !e.Message.Tracked || d.read != 2 || len(d.links) != 1 || d.links[0] != "https://shop.example/" {
		t.Fatalf("%+v, %v, read %d times, links %v", e, err, d.read, d.links)
	}
	d.noLinks = errors.New("away")
	if _, err := s.Write(t.Context(), 1); !errors.Is(err, d.noLinks) {
		t.Errorf("links that were not stored: %v", err)
	}
}

func TestMessagesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	pin := &publication.Pin{ID: 7, Version: 2}
	for name, c := range map[string]struct {
		desk desk
		kind fault.Kind
	}{
		"message":  {desk{noMessage: away}, fault.Internal},
		"sender":   {desk{noFrom: away}, fault.Internal},
		"template": {desk{m: publication.Message{Template: pin}, noPaper: away}, fault.Internal},
		"letter":   {desk{m: publication.Message{Letter: "invoice"}}, fault.GiveUp},
		"source": {desk{m: publication.Message{Template: pin}, set: template.Set{Languages: map[string]template.Source{
			"en": {Subject: "{{", HTML: "<p>"}}}}, fault.GiveUp},
		"styles": {desk{m: publication.Message{Template: pin}, set: template.Set{Languages: map[string]template.Source{
			"en": {Subject: "s", HTML: "<p>{% if"}}}}, fault.GiveUp},
	} {
		if _, err := stationery(t, &c.desk).Write(t.Context(), 1); err == nil || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
