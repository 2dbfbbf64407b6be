package rendition

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
	"golang.org/x/net/html"
)

// numberAttr carries an element's number through the CSS inliner.
const numberAttr = "data-pw-n"

// InlineCSS moves the rules of a template's style elements into style attributes, since many mail
// clients drop style elements. It runs before personalisation, on the source. Only start tags of
// elements that a rule meets and the style elements themselves change; every other byte, Jinja tags
// included, stays. Rules that cannot be inlined (media queries, :hover) stay in a style element; style
// elements with {% … %} in them, or with data-premailer="ignore", stay as they are.
//
// css are further rules for the source, such as those of a layout it extends; they are not written out.
func InlineCSS(source, css string) (string, error) {
	// The tokenizer replaces these, and places are counted in bytes. No API takes them.
	source = strings.ToValidUTF8(strings.ReplaceAll(source, "\x00", "\ufffd"), "\ufffd")
	p, err := protect(source)
	if err != nil {
		return "", err
	}
	d := &document{protected: p, tokens: tokenize(p.text)}
	d.collect()
	if strings.TrimSpace(d.rules) == "" && strings.TrimSpace(css) == "" {
		return source, nil
	}
	styled, err := d.style(css)
	if err != nil {
		return "", err
	}
	return p.restore(styled), nil
}

// InlineFragment inlines css into a fragment of HTML, such as a content item, that holds no style
// elements and no Jinja tags. context are the start tags that the fragment will stand in, outermost
// first, for rules such as ".item p".
func InlineFragment(fragment, css, context string) (string, error) {
	if strings.TrimSpace(css) == "" {
		return fragment, nil
	}
	d := &document{protected: &protected{mark: freeMark(fragment)}, tokens: tokenize(fragment), context: context}
	return d.style(css)
}

// Styles are the rules of a source's style elements that InlineCSS would inline.
func Styles(source string) string {
	p, err := protect(source)
	if err != nil {
		return ""
	}
	d := &document{protected: p, tokens: tokenize(p.text)}
	d.collect()
	return p.without(d.rules)
}

// document is a source on its way through the inliner.
type document struct {
	*protected
	tokens []token
	// rules are the content of the style elements that can be inlined, which lie at sheets.
	rules  string
	sheets map[int]bool
	// context are start tags around the document.
	context string
}

// collect finds the style elements that can be inlined.
func (d *document) collect() {
	d.sheets = map[int]bool{}
	for i := 0; i+1 < len(d.tokens); i++ {
		t := d.tokens[i]
		if t.name != "style" || t.kind != html.StartTagToken || keepsStyle(t) {
			continue
		}
		body := d.tokens[i+1]
		if body.kind != html.TextToken || d.hasStatement(body.raw) {
			continue
		}
		d.sheets[i] = true
		d.rules += body.raw + "\n"
	}
}

func keepsStyle(t token) bool {
	for _, a := range attributes(t.raw) {
		if a.name == "data-premailer" && a.value == "ignore" || a.name == "media" && a.value != "all" && a.value != "" {
			return true
		}
	}
	return false
}

// style gives every element the style attribute that the rules make for it.
func (d *document) style(css string) (string, error) {
	css = plainCSS.Replace(css)
	sheet := styleElements("<style>", css)
	_, foreign, err := inlined(sheet)
	if err != nil {
		return "", err
	}
	var numbered strings.Builder
	numbered.WriteString(sheet + d.context)
	for i := 0; i < len(d.tokens); i++ {
		t := d.tokens[i]
		switch {
		case t.name == "style" && t.isStart() && !d.sheets[i]:
			// A sheet that is kept takes no part.
			for i+1 < len(d.tokens) && d.tokens[i].kind != html.EndTagToken {
				i++
			}
		case d.sheets[i]:
			numbered.WriteString(styleElements(t.raw, d.tokens[i+1].raw))
			i += 2 // its end tag, too
		case t.isStart():
			numbered.WriteString(d.numbered(t.raw, i))
		case t.kind == html.TextToken:
			// A word in a table would be moved out of it, and everything behind it with it.
			numbered.WriteString(d.without(t.raw))
		default:
			numbered.WriteString(t.raw)
		}
	}
	elements, leftover, err := inlined(numbered.String())
	if err != nil {
		return "", err
	}
	return d.emit(elements, strings.TrimPrefix(leftover, foreign)), nil
}

// plainCSS keeps rules from elsewhere from ending the style element and from looking like Jinja tags.
var plainCSS = strings.NewReplacer("<", "", "{{", "{ {", "{%", "{ %", "{#", "{ #")

// emit writes the tokens out again, with their new attributes.
func (d *document) emit(elements map[int][]html.Attribute, leftover string) string {
	var out strings.Builder
	for i := 0; i < len(d.tokens); i++ {
		t := d.tokens[i]
		switch {
		case d.sheets[i]:
			// The first sheet's place takes what is left of all of them.
			if leftover != "" {
				out.WriteString(t.raw + leftover + "</style>")
				leftover = ""
			}
			i += 2
		case t.isStart():
			out.WriteString(d.styled(t.raw, elements[i]))
		default:
			out.WriteString(t.raw)
		}
	}
	return out.String()
}

// errInliner is a style sheet that the inliner cannot read.
var errInliner = errors.New("the style sheet cannot be read")

// inlined runs the inliner over a numbered document. It returns the attributes of each numbered
// element and the rules that could not be inlined.
func inlined(numbered string) (elements map[int][]html.Attribute, leftover string, err error) {
	defer func() {
		if recover() != nil {
			err = errInliner
		}
	}()
	options := premailer.NewOptions(premailer.WithCssToAttributes(false))
	p, err := premailer.NewPremailerFromString(numbered, options)
	if err != nil {
		return nil, "", fmt.Errorf("read the document for inlining: %w", err)
	}
	out, err := p.Transform()
	if err != nil {
		return nil, "", fmt.Errorf("inline the style sheet: %w", err)
	}
	elements = map[int][]html.Attribute{}
	tokens := html.NewTokenizer(strings.NewReader(out))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return elements, leftover, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			t := tokens.Token()
			if n, ok := number(t); ok {
				elements[n] = t.Attr
			} else if t.Data == "style" && tokens.Next() == html.TextToken {
				leftover += string(tokens.Text())
			}
		}
	}
}

func number(t html.Token) (int, bool) {
	for _, a := range t.Attr {
		if a.Key == numberAttr {
			n, err := strconv.Atoi(a.Val)
			return n, err == nil
		}
	}
	return 0, false
}

// nameEnd is where the name in a raw start tag ends. A tag may follow it at once: <tr{% if x %} …>.
func (d *document) nameEnd(raw string) int {
	end := 1
	for end < len(raw) && !isSpace(raw[end]) && raw[end] != '/' && raw[end] != '>' {
		end++
	}
	if at := strings.Index(strings.ToLower(raw[:end]), d.mark); at > 0 {
		return at
	}
	return end
}

// numbered is a raw start tag with its number, for the inliner. A style attribute with tags in it is
// left out: the inliner would take it apart.
func (d *document) numbered(raw string, n int) string {
	if old, ok := styleOf(raw); ok && d.holds(old.value) {
		raw = raw[:old.start] + raw[old.end:]
	}
	end := d.nameEnd(raw)
	return fmt.Sprintf(`%s %s="%d" %s`, raw[:end], numberAttr, n, raw[end:])
}

// styled gives a raw start tag the style that the inliner made for it.
func (d *document) styled(raw string, made []html.Attribute) string {
	style := ""
	for _, a := range made {
		if a.Key == "style" {
			style = strings.ReplaceAll(a.Val, `"`, "'")
		}
	}
	if style == "" {
		return raw
	}
	text := html.EscapeString(style)
	text = strings.ReplaceAll(text, "&#39;", "'")
	old, ok := styleOf(raw)
	if !ok {
		end := d.nameEnd(raw)
		return raw[:end] + ` style="` + text + `"` + raw[end:]
	}
	if d.holds(old.value) {
		text = strings.TrimRight(text, "; ") + ";" + strings.ReplaceAll(old.value, `"`, "'")
	}
	return raw[:old.start] + `style="` + text + `"` + raw[old.end:]
}

func styleOf(raw string) (attr, bool) {
	for _, a := range attributes(raw) {
		if a.name == "style" {
			return a, true
		}
	}
	return attr{}, false
}
