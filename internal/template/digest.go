package template

import (
	"maps"
	"slices"
)

// readDigest reads the built-in layout of digests of what was held back.
func readDigest() (s source, err error) {
	s.subject = "[[digest_title]]"
	if s.html, err = readBuiltin("digest.html"); err != nil {
		return s, err
	}
	s.text, err = readBuiltin("digest.txt")
	return s, err
}

// Digest is the built-in template of digests of a personal channel, in every language that there is.
func (l *Library) Digest(channel string) []Template {
	var list []Template
	for _, name := range slices.Sorted(maps.Keys(l.words)) {
		words := l.words[name]
		list = append(list, Template{Name: "builtin-digest", Channel: channel, Language: name, Subject: fill(l.digest.subject, words),
			HTML: fill(l.digest.html, words), Text: fill(l.digest.text, words), Version: 1})
	}
	return list
}
