package main

import (
	"errors"
	"strings"
)

const (
	begin = "<!-- settings: written by internal/tools/configdoc -->\n"
	end   = "<!-- end of settings -->\n"
)

// table is the settings in Markdown.
func table(list []setting) string {
	var b strings.Builder
	b.WriteString("| Variable | Default | What it is | Why the default |\n| --- | --- | --- | --- |\n")
	for _, s := range list {
		value := ""
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		b.WriteString("| `" + s.Name + "` | " + value + " | " + cell(s.What) + " | " + cell(s.Why) + " |\n")
	}
	return b.String()
}

// cell is a text as it stands in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// replace puts a text between the marks of a page.
func replace(page, text string) (string, error) {
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", errors.New("there are no marks to write the settings between")
	}
	return before + begin + text + end + after, nil
}
