package rendition

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/template"
)

// The first blanks are addresses that the templates do not know of.
const (
	blankClick = iota
	blankOpen
	firstField
)

// casting is what a rendition needs to make moulds.
type casting struct {
	moulds *Moulds
	number uint64
	fields []field
	// mark begins a blank where the templates wrote one. It is random: no author can write it.
	mark string
	// made and used count moulds, to see whether they are worth it.
	made, used atomic.Int64
}

// field is a path below subscriber or links that the templates use.
type field struct {
	path []string
	// blank fields are only written out or tested for being there: all that matters is whether they are.
	blank bool
}

// newCasting sees what the templates use of a reader; nil if that is unclear, or if there are no readers.
func newCasting(c *Compiled, moulds *Moulds) *casting {
	if moulds == nil || !c.personal {
		return nil
	}
	cast := &casting{moulds: moulds, number: moulds.last.Add(1), mark: newMark()}
	for _, program := range c.programs() {
		list, ok := program.Uses(nameSubscriber, nameLinks)
		if !ok {
			return nil // one that is used as a whole among them: each path has two names or more
		}
		for _, use := range list {
			cast.add(use)
		}
	}
	cast.untangle()
	return cast
}

func newMark() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return "blank" + hex.EncodeToString(random[:]) + "n"
}

// add notes a use. Links are ours, so that no engine changes them in an address.
func (c *casting) add(use template.Use) {
	blank := use.How&template.Examined == 0 && (use.How&template.Addressed == 0 || use.Path[0] == nameLinks)
	for i, f := range c.fields {
		if slices.Equal(f.path, use.Path) {
			c.fields[i].blank = f.blank && blank
			return
		}
	}
	c.fields = append(c.fields, field{path: use.Path, blank: blank})
}

// untangle leaves no blank within a value that is used as a whole.
func (c *casting) untangle() {
	for i, a := range c.fields {
		for j, b := range c.fields {
			if i != j && len(a.path) < len(b.path) && slices.Equal(a.path, b.path[:len(a.path)]) {
				c.fields[i].blank, c.fields[j].blank = false, false
			}
		}
	}
}

// enough is how many moulds it takes to see whether they are worth making: whether each serves four readers. Three
// of eight items in any order make 336, and each has to come up before it comes up again.
const enough = 1024

func (c *casting) worthIt() bool {
	made := c.made.Load()
	return made < enough || c.used.Load() > 4*made
}

// alike says all that decides what the templates write around the blanks, and what goes into the blanks.
func (c *casting) alike(who *Recipient, chosen []int, links *Links) (key string, values []string, ok bool) {
	var buf [256]byte
	k := append(buf[:0], links.Images...)
	for _, given := range []string{links.Click, links.Open} {
		k = strconv.AppendBool(append(k, ' '), given != "")
	}
	for _, n := range chosen {
		k = strconv.AppendInt(append(k, ' '), int64(n), 10)
	}
	values = append(make([]string, 0, firstField+len(c.fields)), links.Click, escapeAttr(links.Open))
	for _, f := range c.fields {
		text, other, isText := f.find(who, links)
		switch {
		case isText && text == "":
			k = append(k, "|0"...)
		case isText && f.blank:
			k = append(k, "|1"...)
		case isText:
			other = text
			fallthrough
		case other != nil:
			encoded, err := json.Marshal(other)
			if err != nil {
				return "", nil, false
			}
			k = append(append(k, "|="...), encoded...)
		default:
			k = append(k, "|-"...)
		}
		values = append(values, text)
	}
	return string(k), values, true
}

// find is the field's value for a reader: a text or another; nil if there is none.
func (f field) find(who *Recipient, links *Links) (text string, other any, isText bool) {
	name, rest := f.path[1], f.path[2:]
	if f.path[0] == nameLinks {
		text, isText = links.text(name)
	} else if text, isText = who.text(name); !isText {
		other = who.other(name)
	}
	for _, name := range rest {
		inner, _ := other.(map[string]any)
		other, text, isText = inner[name], "", false
	}
	if inner, ok := other.(string); ok {
		return inner, nil, true
	}
	return text, other, isText
}

// with is a copy of data that has a text at a path which is there.
func with(data map[string]any, path []string, text string) map[string]any {
	data = maps.Clone(data)
	if len(path) == 1 {
		data[path[0]] = text
	} else if inner, ok := data[path[0]].(map[string]any); ok {
		data[path[0]] = with(inner, path[1:], text)
	}
	return data
}

// blankDigits is how long a blank's number is.
const blankDigits = 4

func (c *casting) blank(n int) string { return fmt.Sprintf("%s%0*d", c.mark, blankDigits, n) }

// form cuts a text at its blanks.
func (c *casting) form(text string) *quoted.Form {
	var list []quoted.Piece
	for {
		before, after, found := strings.Cut(text, c.mark)
		if !found {
			return quoted.NewForm(append(list, quoted.Piece{Text: strings.Clone(before), Blank: quoted.None}))
		}
		n, _ := strconv.Atoi(after[:blankDigits]) // as blank wrote it
		list = append(list, quoted.Piece{Text: strings.Clone(before), Blank: n})
		text = after[blankDigits:]
	}
}
