package attack

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// dead are elements that our pages and mails are made of, and that run nothing.
var dead = strings.Fields(`html head body title main nav header footer article section div span p br hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd
	table thead tbody tfoot tr th td caption a img b i em strong del code pre blockquote small time label fieldset legend details summary center u s bdi`)

// live names what in a page runs, frames, submits, loads or leads to something that runs. Forms to ourselves, style sheets
// in the page and what says how it is encoded are ours, and their contents are looked at.
func live(page string) []string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			found = append(found, liveElement(n)...)
		}
	}
	return found
}

func liveElement(n *html.Node) []string {
	var found []string
	switch n.Data {
	case "form":
		if action := attribute(n, "action"); action != "" && !strings.HasPrefix(action, "/") {
			found = append(found, "a form to "+action)
		}
	case "input", "button":
		if attribute(n, "formaction") != "" {
			found = append(found, "a button with an address of its own")
		}
	case "meta":
		if refresh := attribute(n, "http-equiv"); strings.EqualFold(refresh, "refresh") && attribute(n, "content") != "2" { // of the sandbox's inbox
			found = append(found, "a page that leads elsewhere")
		}
	case "link":
		if rel := attribute(n, "rel"); rel != "alternate" && rel != "stylesheet" || elsewhere(attribute(n, "href")) {
			found = append(found, "a link to "+rel)
		}
	case "style":
		if n.FirstChild != nil && liveStyle(n.FirstChild.Data) {
			found = append(found, "a style sheet that loads something")
		}
	default:
		if n.Namespace != "" || !slices.Contains(dead, n.Data) {
			found = append(found, "<"+n.Namespace+" "+n.Data+">")
		}
	}
	for _, a := range n.Attr {
		if liveAttribute(n.Data, a) {
			found = append(found, "<"+n.Data+" "+a.Key+"="+a.Val+">")
		}
	}
	return found
}

// elsewhere: an address of another host.
func elsewhere(address string) bool {
	return strings.Contains(address, "attacked.example") || strings.HasPrefix(address, "//")
}

func liveStyle(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "@import") || strings.Contains(text, "expression(") || strings.Contains(text, "attacked.example") ||
		strings.Contains(text, "javascript:") || strings.Contains(text, "-moz-binding") || strings.Contains(text, "behavior:")
}

func liveAttribute(element string, a html.Attribute) bool {
	switch key := strings.ToLower(a.Key); {
	case strings.HasPrefix(key, "on"), key == "srcdoc", key == "xlink:href", key == "http-equiv" && element != "meta":
		return true
	case key == "style":
		return liveStyle(a.Val)
	case slices.Contains([]string{"href", "src", "action", "formaction", "background", "poster", "cite", "data", "srcset", "ping"}, key):
		return !harmless(a.Val)
	default:
		return false
	}
}

// harmless is an address that runs nothing: without a scheme, or with one of a few. Browsers ignore spaces and controls in it.
func harmless(address string) bool {
	plain := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, address)
	scheme, _, found := strings.Cut(plain, ":")
	if !found || strings.ContainsAny(scheme, "/?#") {
		return true
	}
	return slices.Contains([]string{"http", "https", "mailto", "cid"}, strings.ToLower(scheme))
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestLiveFindsWhatRuns: the inputs of the corpus, as a page, are found; those that are texts for other places are not many.
func TestLiveFindsWhatRuns(t *testing.T) {
	t.Parallel()
	c := loadCorpus(t)
	found := 0
	for _, text := range c["script"] {
		if len(live("<p>"+text+"</p>")) > 0 {
			found++
		}
	}
	if found < 60 {
		t.Errorf("%d of %d are found", found, len(c["script"]))
	}
	for _, page := range []string{"<p title='onload=pwned()'>&lt;script>pwned()&lt;/script></p>", `<a href="https://a.example/javascript:x">javascript:pwned()</a>`,
		`<form method=post><input type=hidden name=scope></form>`, `<style>p { color: red }</style>`} {
		if got := live(page); len(got) > 0 {
			t.Errorf("%s: %v", page, got)
		}
	}
}
