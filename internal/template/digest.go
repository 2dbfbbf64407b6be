package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// digest is the built-in template of digests of what was held back, with its words by language. It speaks the languages of the
// pages that subscribers see, of which there are more than other built-in templates have.
type digest struct {
	source
	words map[string]map[string]string
}

func readDigest() (d digest, err error) {
	raw, err := builtinFiles.ReadFile("builtin/digest.json")
	if err != nil {
		return d, fmt.Errorf("read the words of digests: %w", err)
	}
	if err := json.Unmarshal(raw, &d.words); err != nil {
		return d, fmt.Errorf("read the words of digests: %w", err)
	}
	d.subject = "[[digest_title]]"
	if d.html, err = readBuiltin("digest.html"); err != nil {
		return d, err
	}
	d.text, err = readBuiltin("digest.txt")
	return d, err
}

// Digest is the built-in template of digests of a personal channel, in every language that it speaks.
func (l *Library) Digest(channel string) []Template {
	var list []Template
	for _, name := range slices.Sorted(maps.Keys(l.digest.words)) {
		words := l.digest.words[name]
		list = append(list, Template{Name: "builtin-digest", Channel: channel, Language: name, Subject: fill(l.digest.subject, words),
			HTML: fill(l.digest.html, words), Text: fill(l.digest.text, words), Version: 1})
	}
	return list
}
