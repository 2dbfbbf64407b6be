package rendition

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/template"
)

// Rendition is all that is constant for the readers of a publication on one channel in one language. It
// is stored as JSON by the render task and compiled by whoever sends.
type Rendition struct {
	// Channel and Language are the template's.
	Channel  string `json:"channel"`
	Language string `json:"language"`
	// Subject, HTML and Text are Jinja2 sources; in HTML styles are inlined and links numbered.
	Subject     string      `json:"subject,omitempty"`
	HTML        string      `json:"html,omitempty"`
	Text        string      `json:"text"`
	Publication Publication `json:"publication"`
	Sender      Sender      `json:"sender"`
	Brand       Brand       `json:"brand,omitzero"`
	Items       []ItemPart  `json:"items"`
	// Links are the tracked addresses; presswork-click:N stands for Links[N].
	Links []string `json:"links,omitempty"`
	// Images are the uploaded images that HTML shows; presswork-image:N stands for Images[N].
	Images []ident.UID `json:"images,omitempty"`
	// Data is what the publication carries for its templates.
	Data map[string]any `json:"data,omitempty"`
	// Digest: it is one of what was held back.
	Digest bool `json:"digest,omitempty"`
}

// Publication is what templates see of a publication.
type Publication struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Type  string `json:"type"`
	// URL is the public archive page, empty if there is none.
	URL string `json:"url,omitempty"`
	// Date is written out in the reader's language or as YYYY-MM-DD.
	Date     string `json:"date,omitempty"`
	Language string `json:"language,omitempty"`
}

// Sender is what templates see of a sender identity.
type Sender struct {
	Name          string `json:"name"`
	Email         string `json:"email"`
	PostalAddress string `json:"postal_address,omitempty"`
}

// ItemPart is a content item, ready to be put into a template.
type ItemPart struct {
	Title   string `json:"title"`
	Summary string `json:"summary,omitempty"`
	// HTML is sanitised, with styles inlined and links numbered; Text is its plain text.
	HTML string `json:"html"`
	Text string `json:"text"`
	// URL is the item's own address, Click the same as a numbered link, empty without URL.
	URL      string   `json:"url,omitempty"`
	Click    string   `json:"click,omitempty"`
	Topics   []string `json:"topics,omitempty"`
	Language string   `json:"language,omitempty"`
	// Topic is the name of the one that the item was published for; only of a digest.
	Topic string `json:"topic,omitempty"`
}

// Input is what a rendition is made of.
type Input struct {
	Template template.Template
	// CSS are rules from elsewhere: of layouts that the template extends, see Styles, or of a brand.
	CSS string
	// FallbackText is used if the template has no text of its own.
	FallbackText string
	Publication  Publication
	Sender       Sender
	Brand        Brand
	Items        []content.Item
	Data         map[string]any
	// Writer sanitises the items.
	Writer *content.Writer
	// Track numbers the links and puts the image that reports an opening into the HTML.
	Track bool
	// Table numbers the links; nil: a table of its own. The renditions of a publication share one.
	Table *LinkTable
	// Images stands in front of the ids of uploaded images, for messages that images cannot go with; if it is empty
	// they are numbered.
	Images string
	// Digest is the topic of each item of a digest of what was held back, empty for those that were for everybody; nil: it is no
	// digest.
	Digest []string
	// Memo remembers what was inlined; nil: nothing does.
	Memo *Memo
}

// Prepare makes a rendition. The same input makes the same rendition. It fails if the template or its
// style sheet cannot be read, or if an image is named in a way that says nothing, all of which was checked when
// the template and the items were saved.
func Prepare(in Input) (Rendition, error) {
	r := Rendition{
		Channel: in.Template.Channel, Language: in.Template.Language, Subject: in.Template.Subject,
		HTML: in.Template.HTML, Text: in.Template.Text, Publication: in.Publication, Sender: in.Sender, Brand: in.Brand, Data: in.Data,
		Digest: in.Digest != nil,
	}
	if r.Text == "" {
		r.Text = in.FallbackText
	}
	if r.Publication.Language == "" {
		r.Publication.Language = r.Language
	}
	links := in.Table
	if links == nil {
		links = NewLinkTable()
	}
	images := &imageTable{public: in.Images}
	css, context := in.CSS+Styles(in.Template.HTML), contextOf(in.Template.HTML)
	if r.HTML != "" {
		if err := r.prepareHTML(in, links, images); err != nil {
			return Rendition{}, err
		}
	}
	for i, item := range in.Items {
		part, err := prepareItem(in, item, css, context, links, images)
		if err != nil {
			return Rendition{}, fmt.Errorf("prepare item %d: %w", i, err)
		}
		if in.Digest != nil {
			part.Topic, part.Summary = in.Digest[i], cmp.Or(part.Summary, excerpt(part.Text))
		}
		r.Items = append(r.Items, part)
	}
	r.Links, r.Images = links.list, images.list
	return r, nil
}

// excerptLetters is how much of a text stands for it where it has no summary.
const excerptLetters = 240

// excerpt is the beginning of a text, up to the end of a word, on one line.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	letters := []rune(text)
	if len(letters) <= excerptLetters {
		return text
	}
	short := string(letters[:excerptLetters])
	if end := strings.LastIndexByte(short, ' '); end > 0 {
		short = short[:end]
	}
	return short + "…"
}

func (r *Rendition) prepareHTML(in Input, links *LinkTable, images *imageTable) error {
	out, err := in.Memo.once(func() (string, error) { return InlineCSS(r.HTML, in.CSS) }, "template", r.HTML, in.CSS)
	if err != nil {
		return fmt.Errorf("inline the template's styles: %w", err)
	}
	if out, err = images.template(out); err != nil {
		return fmt.Errorf("number the template's images: %w", err)
	}
	if in.Track {
		if out, err = links.track(out); err != nil {
			return fmt.Errorf("number the template's links: %w", err)
		}
		if out, err = withOpenImage(out); err != nil {
			return fmt.Errorf("put the opening image in: %w", err)
		}
	}
	r.HTML = out
	return nil
}

func prepareItem(in Input, item content.Item, css, context string, links *LinkTable, images *imageTable) (ItemPart, error) {
	fragment, err := in.Memo.once(func() (string, error) { return in.Writer.HTML(item) }, "item", string(item.Format), item.Body)
	if err != nil {
		return ItemPart{}, fmt.Errorf("sanitise: %w", err)
	}
	part := ItemPart{
		Title: item.Title, Summary: item.Summary, Text: content.PlainText(fragment), URL: item.URL,
		Topics: item.Topics, Language: item.Language,
	}
	if in.Template.HTML == "" {
		part.HTML, err = images.fragment(fragment)
		return part, err
	}
	plain := fragment
	fragment, err = in.Memo.once(func() (string, error) { return InlineFragment(plain, css, context) }, "fragment", plain, css, context)
	if err != nil {
		return ItemPart{}, fmt.Errorf("inline styles: %w", err)
	}
	if part.HTML, err = images.fragment(fragment); err != nil || !in.Track {
		return part, err
	}
	part.HTML = links.trackFragment(part.HTML)
	part.Click = links.click(item.URL)
	return part, nil
}
