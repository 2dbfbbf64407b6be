package letter

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// Text is what a letter says in one language: Jinja2 sources of its subject, its HTML and its text.
type Text struct{ Language, Subject, HTML, Body string }

//go:embed letter.html letter.txt words
var files embed.FS

// placeholder stands for a word in letter.html and letter.txt: [[hello]].
var placeholder = regexp.MustCompile(`\[\[([a-z_]+)\]\]`)

// Languages are those that letters are written in, English first.
func Languages() []string { return []string{"en", "ar", "de", "es", "fr"} }

// Texts are the built-in texts of a kind in every language, in the order of Languages. It fails only if the embedded files
// are wrong, which a test would have found.
func Texts(k Kind) ([]Text, error) {
	layout, err := files.ReadFile("letter.html")
	if err != nil {
		return nil, fmt.Errorf("read the layout of letters: %w", err)
	}
	plain, err := files.ReadFile("letter.txt")
	if err != nil {
		return nil, fmt.Errorf("read the layout of letters: %w", err)
	}
	texts := make([]Text, 0, len(Languages()))
	for _, language := range Languages() {
		words, err := wordsOf(language, k)
		if err != nil {
			return nil, err
		}
		texts = append(texts, Text{
			Language: language, Subject: words["subject"],
			HTML: fill(string(layout), words, html.EscapeString),
			Body: fill(string(plain), words, func(word string) string { return word }),
		})
	}
	return texts, nil
}

// wordsOf are the words that all letters in a language share, and those of one kind.
func wordsOf(language string, k Kind) (map[string]string, error) {
	raw, err := files.ReadFile("words/" + language + ".json")
	if err != nil {
		return nil, fmt.Errorf("read the words of letters: %w", err)
	}
	var of map[string]map[string]string
	if err := json.Unmarshal(raw, &of); err != nil {
		return nil, fmt.Errorf("read the words of letters in %s: %w", language, err)
	}
	words := of["all"]
	if words == nil || of[string(k)] == nil {
		return nil, fmt.Errorf("no words for a letter of the kind %q in %s", k, language)
	}
	for name, word := range of[string(k)] {
		words[name] = word
	}
	words["named"] = strconv.FormatBool(k.named())
	return words, nil
}

// named reports whether a letter of the kind calls its reader by name. Who has yet to confirm may have been named by anybody, who
// is not to write to a stranger that way.
func (k Kind) named() bool { return k != ConfirmSubscription }

// fill puts words in the place of placeholders. A word may hold Jinja2 tags, in which nothing is to be escaped: it has none
// of the characters that would be.
func fill(layout string, words map[string]string, write func(string) string) string {
	return placeholder.ReplaceAllStringFunc(layout, func(found string) string {
		return write(words[strings.Trim(found, "[]")])
	})
}
