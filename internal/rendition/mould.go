package rendition

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/keep"
	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/template"
)

// mouldBytes bounds what the moulds of a process take.
const mouldBytes = 32 << 20

// Moulds keeps what templates wrote, with blanks where a reader's own words stand. Most readers of a publication get
// the same but for their name and their links: the templates run once for all of them, and the blanks are filled in
// for each. It is safe for concurrent use.
type Moulds struct {
	kept *keep.Values[mouldKey, *mould]
	last atomic.Uint64 // number of a rendition
}

type mouldKey struct {
	// of is the rendition's number: its address would keep it in memory for as long as a mould of it is there.
	of uint64
	// alike is the same for readers who share a mould.
	alike string
}

// NewMoulds makes an empty set.
func NewMoulds() *Moulds { return &Moulds{kept: keep.New[mouldKey](mouldBytes, (*mould).size)} }

// mould is a message with blanks.
type mould struct {
	subject, html, text *quoted.Form
	images              []ident.UID
}

func (m *mould) size() int {
	const overhead = 512
	return overhead + m.subject.Size() + m.html.Size() + m.text.Size()
}

// cast makes a message in the mould for readers like this one. done is false if there is none.
func (c *Compiled) cast(who *Recipient, chosen []int, links *Links) (out Mail, done bool, err error) {
	if c.casting == nil || !c.casting.worthIt() {
		return out, false, nil
	}
	alike, values, ok := c.casting.alike(who, chosen, links)
	if !ok {
		return out, false, nil
	}
	c.casting.used.Add(1)
	m, err := c.casting.moulds.kept.Get(context.Background(), mouldKey{c.casting.number, alike}, func(context.Context) (*mould, error) {
		c.casting.made.Add(1)
		return c.mould(who, chosen, *links)
	})
	if err != nil {
		return out, false, err
	}
	subject := m.subject.Fill(escaped(values, c.subject))
	out = Mail{HTML: m.html.Fill(escaped(values, c.html)), Text: m.text.Fill(escaped(values, c.text)), Images: m.images}
	if max(subject.Len(), out.HTML.Len(), out.Text.Len()) > template.MaxOutput {
		return Mail{}, false, &template.LimitError{Name: "message", Limit: "output"}
	}
	out.Subject = oneLine(subject.String())
	return out, true, nil
}

// escaped are values as a program writes them; those that are none of its words stay as they are. It returns values
// itself if that is the same.
func escaped(values []string, program template.Program) []string {
	if program == nil {
		return values
	}
	shared := true
	for i := firstField; i < len(values); i++ {
		text := program.Escape(values[i])
		if text == values[i] {
			continue
		}
		if shared {
			values, shared = slices.Clone(values), false
		}
		values[i] = text
	}
	return values
}

// mould runs the templates with blanks for what is the reader's own.
func (c *Compiled) mould(reader *Recipient, chosen []int, links Links) (*mould, error) {
	who, own := reader.data(), links.data()
	for i, f := range c.casting.fields {
		if text, _, _ := f.find(reader, &links); text == "" || !f.blank {
			continue
		}
		blank := c.casting.blank(firstField + i)
		if f.path[0] == nameLinks {
			own = with(own, f.path[1:], blank)
		} else {
			who = with(who, f.path[1:], blank)
		}
	}
	if links.Click != "" {
		links.Click = c.casting.blank(blankClick)
	}
	if links.Open != "" {
		links.Open = c.casting.blank(blankOpen)
	}
	out, err := c.write(who, own, chosen, links)
	if err != nil {
		return nil, err
	}
	return &mould{
		subject: c.casting.form(out.Subject), html: c.casting.form(out.HTML), text: c.casting.form(out.Text), images: out.Images,
	}, nil
}
