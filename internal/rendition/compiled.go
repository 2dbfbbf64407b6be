package rendition

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/template"
)

// Rendered is one message.
type Rendered struct {
	// Subject is one line; HTML is empty for channels without.
	Subject, HTML, Text string
	// Images are the uploaded images that HTML names by their ContentID, each once.
	Images []ident.UID
}

// Mail is one message as it is mailed: what many readers get alike is encoded already.
type Mail struct {
	// Subject is one line; HTML is empty for channels without.
	Subject    string
	HTML, Text quoted.Text
	// Images are the uploaded images that HTML names by their ContentID, each once.
	Images []ident.UID
}

// Compiled is a rendition ready to be rendered, by any number of goroutines at once.
type Compiled struct {
	engine              template.Engine
	subject, html, text template.Program
	// shared is the data that is the same for all readers; items are in the order of the rendition, once
	// for HTML, with numbered links, and once for texts.
	shared               map[string]any
	htmlItems, textItems []any
	links                []string
	images               []ident.UID
	personal             bool
	digest               bool
	attributes           bool     // a template may read a reader's attributes
	alone                bool     // there is no text to fall back to: what the HTML says is one
	casting              *casting // nil: no moulds
}

// nameBrand is where templates find the brand.
const nameBrand = "brand"

// Compile prepares a rendition for rendering. What it may keep of what it rendered goes to moulds; nil: nothing. The
// error is a *template.SyntaxError.
func Compile(engine template.Engine, r Rendition, moulds *Moulds) (*Compiled, error) {
	c := &Compiled{engine: engine, links: r.Links, images: r.Images, personal: template.Personal(r.Channel), digest: r.Digest}
	for _, part := range []struct {
		name, source string
		kind         template.Kind
		program      *template.Program
	}{
		{"subject", r.Subject, template.Text, &c.subject}, {"html", r.HTML, template.HTML, &c.html},
		{"text", r.Text, template.Text, &c.text},
	} {
		if part.source == "" {
			continue
		}
		program, err := engine.Parse(part.name, part.source, part.kind)
		if err != nil {
			return nil, fmt.Errorf("compile the rendition: %w", err)
		}
		*part.program = program
	}
	c.shared = sharedData(engine, r)
	c.shared[nameBrand] = engine.Freeze(r.Brand.data())
	for _, item := range r.Items {
		click := item.Click
		if click == "" {
			click = item.URL
		}
		c.htmlItems = append(c.htmlItems, engine.Freeze(itemData(item, click)))
		c.textItems = append(c.textItems, engine.Freeze(itemData(item, item.URL)))
	}
	c.attributes = c.readsAttributes()
	c.casting = newCasting(c, moulds)
	return c, nil
}

func sharedData(engine template.Engine, r Rendition) map[string]any {
	return map[string]any{
		"publication": engine.Freeze(map[string]any{
			"id": r.Publication.ID, "title": r.Publication.Title, "type": r.Publication.Type, "url": r.Publication.URL,
			"date": r.Publication.Date, "language": r.Publication.Language,
		}),
		"sender": engine.Freeze(map[string]any{
			"name": r.Sender.Name, "email": r.Sender.Email, "postal_address": r.Sender.PostalAddress,
		}),
		"data": engine.Freeze(r.Data),
	}
}

// For is the same templates for another publication, sender, brand and data, those of r, which has one reader: what is compiled is
// shared, nothing that it renders is kept, and without a text of its own it says what its HTML says.
func (c *Compiled) For(r Rendition) *Compiled {
	other := *c
	other.shared, other.casting, other.alone = sharedData(c.engine, r), nil, true
	if other.shared[nameBrand] = c.shared[nameBrand]; r.Brand != (Brand{}) {
		other.shared[nameBrand] = c.engine.Freeze(r.Brand.data())
	}
	return &other
}

// ReadsAttributes is false if no template reads a Recipient's Attributes: they may be left out then.
func (c *Compiled) ReadsAttributes() bool { return c.attributes }

func (c *Compiled) readsAttributes() bool {
	for _, program := range c.programs() {
		uses, ok := program.Uses(nameSubscriber)
		if !ok || slices.ContainsFunc(uses, func(u template.Use) bool { return u.Path[1] == nameAttributes }) {
			return true
		}
	}
	return false
}

// programs are those that are there.
func (c *Compiled) programs() []template.Program {
	return slices.DeleteFunc([]template.Program{c.subject, c.html, c.text}, func(p template.Program) bool { return p == nil })
}

func itemData(item ItemPart, address string) map[string]any {
	return map[string]any{
		"title": item.Title, "summary": item.Summary, "html": template.SafeHTML(item.HTML), "text": item.Text,
		"url": address, "topics": item.Topics, "language": item.Language, "topic": item.Topic,
	}
}

// Render makes one reader's message. chosen are indexes of the rendition's items, best first; those
// that are out of range are left out, and without any all items are taken. Errors are *template.LimitError and
// *template.RenderError, wrapped: they are the template's fault and come again.
func (c *Compiled) Render(recipient Recipient, chosen []int, links Links) (Rendered, error) {
	m, err := c.Mail(&recipient, chosen, &links)
	if err != nil {
		return Rendered{}, err
	}
	return Rendered{Subject: m.Subject, HTML: m.HTML.String(), Text: m.Text.String(), Images: m.Images}, nil
}

// Mail is what Render makes, for mailing it.
func (c *Compiled) Mail(recipient *Recipient, chosen []int, links *Links) (Mail, error) {
	if m, done, err := c.cast(recipient, chosen, links); done || err != nil {
		return m, err
	}
	out, err := c.write(recipient.data(), links.data(), chosen, *links)
	if err != nil {
		return Mail{}, err
	}
	return Mail{Subject: oneLine(out.Subject), HTML: quoted.Plain(out.HTML), Text: quoted.Plain(out.Text), Images: out.Images}, nil
}

// write runs the templates. The subject is as they wrote it.
func (c *Compiled) write(who, own map[string]any, chosen []int, links Links) (Rendered, error) {
	var out Rendered
	var err error
	data := c.data(who, own)
	if c.html != nil {
		c.place(data, c.htmlItems, chosen)
		if out.HTML, err = c.html.Render(data); err != nil {
			return Rendered{}, fmt.Errorf("render HTML: %w", err)
		}
		out.HTML, out.Images = c.personalLinks(out.HTML, links)
	}
	c.place(data, c.textItems, chosen)
	if c.subject != nil {
		if out.Subject, err = c.subject.Render(data); err != nil {
			return Rendered{}, fmt.Errorf("render subject: %w", err)
		}
	}
	if c.text != nil {
		if out.Text, err = c.text.Render(data); err != nil {
			return Rendered{}, fmt.Errorf("render text: %w", err)
		}
	} else if c.alone {
		out.Text = content.PlainText(out.HTML)
	}
	return out, nil
}

// data is what the programs read. What is a reader's own is frozen here, since up to three programs read it.
func (c *Compiled) data(who, own map[string]any) map[string]any {
	data := make(map[string]any, 8)
	for name, v := range c.shared {
		data[name] = v
	}
	data[nameLinks] = c.engine.Freeze(own)
	if c.personal {
		data[nameSubscriber] = c.engine.Freeze(who)
	}
	return data
}

// place puts the chosen items into the data.
func (c *Compiled) place(data map[string]any, items []any, chosen []int) {
	picked := make([]any, 0, len(chosen))
	for _, i := range chosen {
		if i >= 0 && i < len(items) {
			picked = append(picked, items[i])
		}
	}
	if len(picked) == 0 {
		picked = items
	}
	data["items"] = picked
	if len(picked) > 0 {
		data["item"] = picked[0]
	}
	if c.digest {
		data["digest"] = map[string]any{"items": picked}
	}
}

// personalLinks puts the reader's own addresses in the place of numbered links, and the tracked ones
// back if there is no address to put in front of numbers. It returns the images that go with the message.
func (c *Compiled) personalLinks(out string, links Links) (personal string, images []ident.UID) {
	if links.Open == "" {
		out = strings.Replace(out, openImage, "", 1)
	}
	var b strings.Builder
	b.Grow(len(out) + len(out)/4)
	for {
		before, after, found := strings.Cut(out, schemePrefix)
		b.WriteString(before)
		if !found {
			return b.String(), images
		}
		switch {
		case strings.HasPrefix(after, "open:"):
			out = after[len("open:"):]
			b.WriteString(escapeAttr(links.Open))
		case strings.HasPrefix(after, "click:"):
			out = c.link(&b, after[len("click:"):], links)
		case strings.HasPrefix(after, "image:"):
			out, images = c.image(&b, after[len("image:"):], links, images)
		default:
			out = after
			b.WriteString(schemePrefix)
		}
	}
}

// link writes the link whose number stands at the beginning of rest, and returns what follows.
func (c *Compiled) link(b *strings.Builder, rest string, links Links) string {
	if links.Click != "" {
		b.WriteString(links.Click)
		return rest
	}
	n, digits := leadingNumber(rest)
	if digits > 0 && n < len(c.links) {
		b.WriteString(escapeAttr(c.links[n]))
	}
	return rest[digits:]
}

// image writes the address of the image whose number stands at the beginning of rest, and returns what follows,
// and the images that go with the message.
func (c *Compiled) image(b *strings.Builder, rest string, links Links, images []ident.UID) (string, []ident.UID) {
	n, digits := leadingNumber(rest)
	rest = rest[digits:]
	if digits == 0 || n >= len(c.images) {
		return rest, images
	}
	uid := c.images[n]
	if links.Images != "" {
		b.WriteString(escapeAttr(links.Images + uid.String()))
		return rest, images
	}
	b.WriteString("cid:" + ContentID(uid))
	if !slices.Contains(images, uid) {
		images = append(images, uid)
	}
	return rest, images
}

var attrEscaper = strings.NewReplacer("&", "&amp;", `"`, "&#34;", "<", "&lt;", ">", "&gt;")

func escapeAttr(s string) string { return attrEscaper.Replace(s) }

// oneLine folds line breaks and control characters to spaces: a subject is a header field, and a reader's
// name in it must not begin another one.
func oneLine(s string) string {
	clean := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	if !strings.ContainsFunc(s, clean) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		if clean(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
