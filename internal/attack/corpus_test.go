package attack

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// corpus has the inputs of each kind.
type corpus map[string][]string

// texts are the kinds that stand for the text of a field; the others are JSON.
func (c corpus) texts() []string {
	return []string{"sql", "script", "template", "header", "path", "text", "shell", "number", "address"}
}

// loadCorpus reads testdata; its README says how.
func loadCorpus(t testing.TB) corpus {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := corpus{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimSuffix(filepath.Base(file), ".txt")
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if plain, err := strconv.Unquote(line); err == nil && line[0] == '"' {
				line = plain
			}
			c[kind] = append(c[kind], line)
		}
	}
	for _, kind := range append(c.texts(), "value", "document") {
		if len(c[kind]) < 20 {
			t.Errorf("there are %d inputs of the kind %s", len(c[kind]), kind)
		}
	}
	return c
}

// share is what the nth field gets of a kind: all, or a few, others than the fields beside it.
func (c corpus) share(kind string, n, most int) []string {
	list := c[kind]
	if *whole || len(list) <= most {
		return list
	}
	out := make([]string, most)
	for i := range out {
		out[i] = list[(n*most+i)%len(list)]
	}
	return out
}

// quoted is text as JSON has it. What is not UTF-8 stays as it is, which encoding/json would mend.
func quoted(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < 0x20:
			out.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}
