package pages

import (
	"embed"
	"encoding/json"
	"fmt"

	"golang.org/x/text/language"
)

//go:embed text/*.json
var textFiles embed.FS

// languages that the pages speak; the first is for everybody else.
var languages = [...]string{"en", "de", "es", "fr", "ar"}

// languageView is a language that readers can choose.
type languageView struct {
	Tag, Name string
	Chosen    bool
}

// languageViews are the languages by their own names, with one chosen; another one than ours comes first, by its tag.
func languageViews(chosen string) []languageView {
	names := map[string]string{"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "ar": "العربية"}
	var list []languageView
	if _, ours := names[chosen]; !ours {
		list = append(list, languageView{chosen, chosen, true})
	}
	for _, tag := range languages {
		list = append(list, languageView{tag, names[tag], tag == chosen})
	}
	return list
}

// catalogue is the texts of one language by key.
type catalogue struct {
	Language string
	texts    map[string]string
}

// Get is a text; a key without one is its own text, which a test rules out.
func (c catalogue) Get(key string) string {
	if text, ok := c.texts[key]; ok {
		return text
	}
	return key
}

type catalogues struct {
	matcher language.Matcher
	list    []catalogue
}

func loadCatalogues() (*catalogues, error) {
	c := &catalogues{}
	var tags []language.Tag
	for _, name := range languages {
		text, err := textFiles.ReadFile("text/" + name + ".json")
		if err != nil {
			return nil, fmt.Errorf("read the texts: %w", err)
		}
		one := catalogue{Language: name}
		if err := json.Unmarshal(text, &one.texts); err != nil {
			return nil, fmt.Errorf("read the texts of %s: %w", name, err)
		}
		c.list = append(c.list, one)
		tags = append(tags, language.MustParse(name))
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// accepted is the catalogue that fits an Accept-Language header (RFC 9110, 12.5.4) best.
func (c *catalogues) accepted(header string) catalogue {
	const longest = 200 // a header can be made to take long to parse
	if len(header) > longest {
		header = ""
	}
	_, i := language.MatchStrings(c.matcher, header)
	return c.list[i]
}
