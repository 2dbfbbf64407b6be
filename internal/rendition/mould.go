package rendition

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/keep"
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
	subject, html, text []piece
	images              []ident.UID
}

// piece is text, and the number of the blank behind it.
type piece struct {
	text  string
	blank int
}

// none stands behind the last piece.
const none = -1

func (m *mould) size() int {
	const overhead = 512
	return overhead + length(m.subject) + length(m.html) + length(m.text)
}

func length(pieces []piece) int {
	n := 0
	for _, p := range pieces {
		n += len(p.text) + 32
	}
	return n
}

// cast makes a message in the mould for readers like this one. done is false if there is none.
func (c *Compiled) cast(who, own map[string]any, chosen []int, links Links) (out Rendered, done bool, err error) {
	if c.casting == nil || !c.casting.worthIt() {
		return out, false, nil
	}
	var values [firstField + 16]string
	alike, blanks, ok := c.casting.alike(who, own, chosen, links, values[:0])
	if !ok {
		return out, false, nil
	}
	c.casting.used.Add(1)
	m, err := c.casting.moulds.kept.Get(context.Background(), mouldKey{c.casting.number, alike}, func(context.Context) (*mould, error) {
		c.casting.made.Add(1)
		return c.mould(who, own, chosen, links)
	})
	if err != nil {
		return out, false, err
	}
	out.Images = m.images
	out.Subject = oneLine(fill(m.subject, blanks, c.subject))
	out.Text = fill(m.text, blanks, c.text)
	out.HTML = fill(m.html, blanks, c.html)
	for _, text := range []string{out.Subject, out.Text, out.HTML} {
		if len(text) > template.MaxOutput {
			return Rendered{}, false, &template.LimitError{Name: "message", Limit: "output"}
		}
	}
	return out, true, nil
}

// mould runs the templates with blanks for what is the reader's own.
func (c *Compiled) mould(who, own map[string]any, chosen []int, links Links) (*mould, error) {
	for i, f := range c.casting.fields {
		if text, _ := f.find(who, own).(string); text == "" || !f.blank {
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
		subject: c.casting.split(out.Subject), html: c.casting.split(out.HTML), text: c.casting.split(out.Text), images: out.Images,
	}, nil
}

// fill puts values into the blanks, written as the program would.
func fill(pieces []piece, values []string, program template.Program) string {
	if program == nil {
		return ""
	}
	var out strings.Builder
	out.Grow(length(pieces) + 512)
	for _, p := range pieces {
		out.WriteString(p.text)
		switch {
		case p.blank >= firstField:
			out.WriteString(program.Escape(values[p.blank]))
		case p.blank != none:
			out.WriteString(values[p.blank])
		}
	}
	return out.String()
}
