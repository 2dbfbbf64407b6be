package template

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed builtin
var builtinFiles embed.FS

// placeholder is a word of the interface in a built-in file: [[hello]].
var placeholder = regexp.MustCompile(`\[\[([a-z_]+)\]\]`)

// Library is the set of built-in templates: one layout per channel and one of digests, with their words in each language.
type Library struct {
	words    map[string]map[string]string
	tags     []language.Tag
	matcher  language.Matcher
	channels map[string]source
	digest   source
}

// source is a built-in layout with placeholders for its words.
type source struct{ subject, html, text string }

// NewLibrary reads the built-in templates. Webhook bodies need no template. It fails only if the
// embedded files are wrong, which a test would have found.
func NewLibrary() (*Library, error) {
	raw, err := builtinFiles.ReadFile("builtin/strings.json")
	if err != nil {
		return nil, fmt.Errorf("read the words of built-in templates: %w", err)
	}
	l := &Library{channels: map[string]source{}, tags: []language.Tag{language.English}}
	if err := json.Unmarshal(raw, &l.words); err != nil {
		return nil, fmt.Errorf("read the words of built-in templates: %w", err)
	}
	for name := range l.words {
		if name != "en" {
			l.tags = append(l.tags, language.Make(name))
		}
	}
	slices.SortFunc(l.tags[1:], func(a, b language.Tag) int { return strings.Compare(a.String(), b.String()) })
	l.matcher = language.NewMatcher(l.tags)
	if l.digest, err = readDigest(); err != nil {
		return nil, err
	}
	for _, channel := range []string{"email", "newsletter", "slack", "discord"} {
		s := source{subject: "{{ publication.title }}"}
		if Personal(channel) {
			if s.html, err = readBuiltin(channel + ".html"); err != nil {
				return nil, err
			}
		}
		if s.text, err = readBuiltin(channel + ".txt"); err != nil {
			return nil, err
		}
		l.channels[channel] = s
	}
	return l, nil
}

func readBuiltin(name string) (string, error) {
	raw, err := builtinFiles.ReadFile("builtin/" + name)
	if err != nil {
		return "", fmt.Errorf("read a built-in template: %w", err)
	}
	return string(raw), nil
}

// Languages are the languages the built-in templates speak, English first.
func (l *Library) Languages() []string {
	out := make([]string, len(l.tags))
	for i, tag := range l.tags {
		out[i] = tag.String()
	}
	return out
}

// Find is the built-in template of a channel in the nearest language there is, English if none is
// near; false for a channel that needs none.
func (l *Library) Find(channel, wanted string) (Template, bool) {
	s, ok := l.channels[channel]
	if !ok {
		return Template{}, false
	}
	_, index, _ := l.matcher.Match(language.Make(wanted))
	name := l.tags[index].String()
	words := l.words[name]
	return Template{
		Name: "builtin-" + channel, Channel: channel, Language: name,
		Subject: s.subject, HTML: fill(s.html, words), Text: fill(s.text, words), Version: 1,
	}, true
}

// fill puts words in the place of placeholders.
func fill(text string, words map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(word string) string { return words[strings.Trim(word, "[]")] })
}
