package rendition

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

const (
	// schemePrefix begins both of the following.
	schemePrefix = "presswork-"
	// clickScheme stands in prepared HTML before the number of a link. At sending it is replaced by the
	// reader's own signed address.
	clickScheme = schemePrefix + "click:"
	// openScheme is the address of the image that reports an opening.
	openScheme = schemePrefix + "open:"
	// openImage is put at the end of a mail's body.
	openImage = `<img src="` + openScheme + `" width="1" height="1" alt="" style="display:none">`
	// maxLinks bounds a publication's table of links.
	maxLinks = 1000
)

// LinkTable numbers the links of a publication: the same address has the same number, on every channel and in
// every language.
type LinkTable struct {
	list    []string
	numbers map[string]int
}

// NewLinkTable makes an empty table.
func NewLinkTable() *LinkTable { return &LinkTable{numbers: map[string]int{}} }

// List is every address, by number.
func (l *LinkTable) List() []string { return l.list }

// number is an address's number, false if the table is full.
func (l *LinkTable) number(address string) (int, bool) {
	if n, ok := l.numbers[address]; ok {
		return n, true
	}
	if len(l.list) >= maxLinks {
		return 0, false
	}
	n := len(l.list)
	l.numbers[address] = n
	l.list = append(l.list, address)
	return n, true
}

// TrackLinks replaces the addresses of links in a template source or a fragment by presswork-click:N,
// where N counts the returned links. Only absolute http and https addresses without Jinja tags in them
// change, and none of links with data-notrack. Every other byte stays.
func TrackLinks(source string) (out string, links []string, err error) {
	table := NewLinkTable()
	out, err = table.track(source)
	return out, table.list, err
}

// track replaces the links of a source by their numbers in the table.
func (l *LinkTable) track(source string) (string, error) {
	p, err := protect(source)
	if err != nil {
		return "", err
	}
	return p.restore(l.trackTags(p, p.text)), nil
}

// trackFragment replaces the links of HTML that is no template: what looks like a Jinja tag in it is
// text.
func (l *LinkTable) trackFragment(fragment string) string {
	return l.trackTags(&protected{mark: freeMark(fragment)}, fragment)
}

func (l *LinkTable) trackTags(p *protected, text string) string {
	var out strings.Builder
	for _, t := range tokenize(text) {
		if t.name == "a" && t.isStart() {
			out.WriteString(l.trackTag(p, t.raw))
			continue
		}
		out.WriteString(t.raw)
	}
	return out.String()
}

func (l *LinkTable) trackTag(p *protected, raw string) string {
	list := attributes(raw)
	var href *attr
	for i, a := range list {
		switch {
		case a.name == "data-notrack":
			return raw[:spaceBefore(raw, a.start)] + raw[a.end:]
		case a.name == "href" && href == nil:
			href = &list[i]
		}
	}
	if href == nil || p.holds(href.value) {
		return raw
	}
	address := strings.TrimSpace(html.UnescapeString(href.value))
	if !isWeb(address) {
		return raw
	}
	n, ok := l.number(address)
	if !ok {
		return raw
	}
	return raw[:href.valueStart] + `"` + clickScheme + strconv.Itoa(n) + `"` + raw[href.valueEnd:]
}

// spaceBefore is where the white space in front of pos begins.
func spaceBefore(raw string, pos int) int {
	for pos > 0 && isSpace(raw[pos-1]) {
		pos--
	}
	return pos
}

func isWeb(address string) bool {
	scheme, rest, found := strings.Cut(address, "://")
	return found && rest != "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// withOpenImage puts the image that reports an opening before the end of the body.
func withOpenImage(source string) (string, error) {
	p, err := protect(source)
	if err != nil {
		return "", err
	}
	tokens := tokenize(p.text)
	at := len(tokens)
	for i, t := range tokens {
		if t.kind == html.EndTagToken && t.name == "body" {
			at = i
		}
	}
	var out strings.Builder
	for _, t := range tokens[:at] {
		out.WriteString(t.raw)
	}
	out.WriteString(openImage)
	for _, t := range tokens[at:] {
		out.WriteString(t.raw)
	}
	return p.restore(out.String()), nil
}

// click is the numbered form of an address, empty if it is not tracked.
func (l *LinkTable) click(address string) string {
	if !isWeb(address) {
		return ""
	}
	n, ok := l.number(address)
	if !ok {
		return ""
	}
	return clickScheme + strconv.Itoa(n)
}
