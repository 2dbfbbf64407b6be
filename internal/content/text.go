package content

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// PlainText turns an HTML fragment into readable text: paragraphs are set apart by an empty line, list
// items are numbered or dashed, a link is "text (address)", an image its description.
func PlainText(fragment string) string {
	w := &textWriter{}
	tokens := html.NewTokenizer(strings.NewReader(fragment))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(w.out.String())
		case html.TextToken:
			w.text(tokens.Token().Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(tokens.Token())
		case html.EndTagToken:
			w.end(tokens.Token().Data)
		}
	}
}

// textWriter keeps what is open while the fragment is read.
type textWriter struct {
	out strings.Builder
	// breaks are the line breaks due before the next text.
	breaks int
	// space says that a space is due before the next text.
	space bool
	// lists are the open lists: the next number, or 0 for dashes.
	lists []int
	// links are the open links: address and where their text began.
	links []openLink
	// hidden counts open elements whose text is not for readers.
	hidden int
	pre    bool
}

type openLink struct {
	address string
	from    int
}

func (w *textWriter) text(s string) {
	if w.hidden > 0 {
		return
	}
	if w.pre {
		w.write(s)
		return
	}
	words := strings.Fields(s)
	if len(words) == 0 {
		w.space = w.space || s != ""
		return
	}
	w.space = w.space || strings.TrimLeft(s, " \t\r\n") != s
	w.write(strings.Join(words, " "))
	w.space = strings.TrimRight(s, " \t\r\n") != s
}

// write puts what is due and then s.
func (w *textWriter) write(s string) {
	switch {
	case w.out.Len() == 0:
	case w.breaks > 0:
		w.out.WriteString(strings.Repeat("\n", min(w.breaks, 2)))
	case w.space:
		w.out.WriteByte(' ')
	}
	w.breaks, w.space = 0, false
	w.out.WriteString(s)
}

func (w *textWriter) wantBreaks(n int) { w.breaks = max(w.breaks, n) }

func (w *textWriter) start(t html.Token) {
	switch t.Data {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "pre", "div", "hr",
		"section", "article", "figure", "center", "dl":
		w.wantBreaks(2)
		w.pre = w.pre || t.Data == "pre"
	case "br":
		w.wantBreaks(w.breaks + 1)
	case "ul", "ol":
		w.wantBreaks(2 - min(len(w.lists), 1))
		first := 0
		if t.Data == "ol" {
			first = 1
		}
		w.lists = append(w.lists, first)
	case "li":
		w.item()
	case "tr", "dt", "dd", "figcaption":
		w.wantBreaks(1)
	case "td", "th":
		w.space = true
	case "a":
		w.links = append(w.links, openLink{address: attribute(t, "href"), from: w.out.Len()})
	case "img":
		w.text(attribute(t, "alt"))
	case "style", "script", "head", "title":
		w.hidden++
	}
}

func (w *textWriter) item() {
	w.wantBreaks(1)
	if len(w.lists) == 0 {
		return
	}
	mark := "- "
	if number := &w.lists[len(w.lists)-1]; *number > 0 {
		mark = fmt.Sprintf("%d. ", *number)
		*number++
	}
	w.write(strings.Repeat("  ", len(w.lists)-1) + mark)
}

func (w *textWriter) end(name string) {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "pre", "div",
		"section", "article", "figure", "center", "dl":
		w.wantBreaks(2)
		w.pre = w.pre && name != "pre"
	case "ul", "ol":
		if len(w.lists) > 0 {
			w.lists = w.lists[:len(w.lists)-1]
		}
		w.wantBreaks(2 - min(len(w.lists), 1))
	case "a":
		w.endLink()
	case "style", "script", "head", "title":
		w.hidden = max(w.hidden-1, 0)
	}
}

// endLink writes a link's address behind its text, unless that says the same.
func (w *textWriter) endLink() {
	if len(w.links) == 0 {
		return
	}
	link := w.links[len(w.links)-1]
	w.links = w.links[:len(w.links)-1]
	label := strings.TrimSpace(w.out.String()[link.from:])
	address := strings.TrimPrefix(link.address, "mailto:")
	if address == "" || label == address {
		return
	}
	space := w.space
	w.space = label != ""
	if label == "" {
		w.write(address)
	} else {
		w.write("(" + address + ")")
	}
	w.space = space
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
