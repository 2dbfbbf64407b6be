package rendition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

const (
	// assetScheme is how authors name an uploaded image: <img src="asset:0190b5a0-…">.
	assetScheme = "asset:"
	// imageScheme stands in prepared HTML before the number of an image.
	imageScheme = schemePrefix + "image:"
	// contentIDHost makes content ids look like message ids (RFC 2392, 2).
	contentIDHost = "@asset.presswork"
)

// ContentID names an uploaded image within a mail, whose HTML shows it as "cid:" and this.
func ContentID(uid ident.UID) string { return uid.String() + contentIDHost }

// TemplateImages are the uploaded images that a template's HTML shows, each once. Problems are what is wrong with
// the way it names them, for its author; a source that cannot be read has neither.
func TemplateImages(source string) (images []ident.UID, problems []string) {
	p, err := protect(source)
	if err != nil {
		return nil, nil
	}
	t := imageTable{}
	t.replace(p, p.text)
	return t.list, t.problems
}

// ItemImages is TemplateImages for a content item.
func ItemImages(item content.Item) (images []ident.UID, problems []string) {
	fragment := content.HTMLOf(item)
	t := imageTable{}
	t.replace(&protected{mark: freeMark(fragment)}, fragment)
	return t.list, t.problems
}

// imageTable numbers the images of a rendition, or gives them their public address at once.
type imageTable struct {
	// public stands in front of an image's id; if it is empty images are numbered.
	public   string
	list     []ident.UID
	problems []string
}

// err is what is wrong with the images, if anything is. It was told the author when they saved it.
func (t *imageTable) err() error {
	if len(t.problems) == 0 {
		return nil
	}
	return fault.Wrap(errors.New(t.problems[0]), fault.GiveUp, "bad_asset")
}

// template replaces the images of a template's source.
func (t *imageTable) template(source string) (string, error) {
	p, err := protect(source)
	if err != nil {
		return "", err
	}
	return p.restore(t.replace(p, p.text)), t.err()
}

// fragment replaces the images of HTML that is no template.
func (t *imageTable) fragment(fragment string) (string, error) {
	return t.replace(&protected{mark: freeMark(fragment)}, fragment), t.err()
}

// replace puts addresses that mean something into the tags of a text. Every other byte stays.
func (t *imageTable) replace(p *protected, text string) string {
	var out strings.Builder
	for _, token := range tokenize(text) {
		if token.isStart() {
			out.WriteString(t.tag(p, token))
			continue
		}
		out.WriteString(token.raw)
	}
	return out.String()
}

func (t *imageTable) tag(p *protected, in token) string {
	raw := in.raw
	element, _, _ := strings.Cut(in.name, p.mark) // a tag may follow the name at once: <img{% if x %} …>
	for _, a := range slices.Backward(attributes(raw)) {
		name, ok := assetName(a)
		switch uid, err := ident.Parse(name); {
		case !ok:
		case element != "img" || a.name != "src":
			t.problem("only the src of an img can name an uploaded image, not the %s of %s", a.name, element)
		case err != nil:
			t.problem("%.80q is not asset: and the id of an uploaded image", p.restore(assetScheme+name))
		default:
			raw = raw[:a.valueStart] + `"` + t.address(uid) + `"` + raw[a.valueEnd:]
		}
	}
	return raw
}

// assetName is what follows asset: in an attribute, false if it names none.
func assetName(a attr) (string, bool) {
	value := strings.TrimSpace(html.UnescapeString(a.value))
	if len(value) < len(assetScheme) || !strings.EqualFold(value[:len(assetScheme)], assetScheme) {
		return "", false
	}
	return value[len(assetScheme):], true
}

func (t *imageTable) address(uid ident.UID) string {
	n := slices.Index(t.list, uid)
	if n < 0 {
		n = len(t.list)
		t.list = append(t.list, uid)
	}
	if t.public != "" {
		return escapeAttr(t.public + uid.String())
	}
	return imageScheme + strconv.Itoa(n)
}

func (t *imageTable) problem(format string, args ...any) {
	const enough = 20
	if len(t.problems) < enough {
		t.problems = append(t.problems, fmt.Sprintf(format, args...))
	}
}

// Heaviest is how much the images of one reader's message can weigh at most: those of the template and of the
// items, of which a reader gets so many, that have the heaviest ones. weight is that of an image by its place in
// Images.
func (r Rendition) Heaviest(items int, weight func(image int) int64) int64 {
	var list []int64
	for _, item := range r.Items {
		list = append(list, weighed(item.HTML, weight))
	}
	slices.Sort(list)
	total := weighed(r.HTML, weight)
	for _, one := range list[max(0, len(list)-items):] {
		total += one
	}
	return total
}

// weighed is the sum over the different images that prepared HTML shows.
func weighed(prepared string, weight func(image int) int64) int64 {
	var seen []int
	var total int64
	for {
		_, after, found := strings.Cut(prepared, imageScheme)
		if !found {
			return total
		}
		n, digits := leadingNumber(after)
		if prepared = after[digits:]; digits > 0 && !slices.Contains(seen, n) {
			seen = append(seen, n)
			total += weight(n)
		}
	}
}

// leadingNumber reads the digits at the beginning of s, and says how many there are.
func leadingNumber(s string) (n, digits int) {
	const most = 6
	for digits < len(s) && digits < most && s[digits] >= '0' && s[digits] <= '9' {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	return n, digits
}
