package rendition

import (
	"fmt"
	"strings"

	"github.com/presswork/presswork/internal/template"
)

// protected is a template source whose Jinja tags are hidden from HTML and CSS parsers: each stands as
// one word of letters and digits, which is legal wherever a tag is.
type protected struct {
	// text is the source with words for tags.
	text string
	tags []string
	// statements tells {% … %}, comments and raw blocks from {{ … }}.
	statements []bool
	mark       string
}

// protect hides the tags of a source. It returns *template.SyntaxError for a tag that is not closed.
func protect(source string) (*protected, error) {
	segments, err := template.Scan(source)
	if err != nil {
		return nil, fmt.Errorf("protect the template's tags: %w", err)
	}
	p := &protected{mark: freeMark(source)}
	var out strings.Builder
	for _, s := range segments {
		if s.Kind == template.Literal {
			out.WriteString(source[s.Start:s.End])
			continue
		}
		out.WriteString(p.word(len(p.tags)))
		p.tags = append(p.tags, source[s.Start:s.End])
		p.statements = append(p.statements, s.Kind != template.Output)
	}
	p.text = out.String()
	return p, nil
}

// freeMark is a beginning for words that the source does not hold.
func freeMark(source string) string {
	lower := strings.ToLower(source)
	for mark := "pwj"; ; mark += "j" {
		if !strings.Contains(lower, mark) {
			return mark
		}
	}
}

func (p *protected) word(n int) string { return fmt.Sprintf("%s%dz", p.mark, n) }

// restore puts the tags back.
func (p *protected) restore(text string) string {
	return p.replace(text, func(n int) string { return p.tags[n] })
}

// without is text with its tags removed.
func (p *protected) without(text string) string {
	return p.replace(text, func(int) string { return "" })
}

// hasStatement says whether text holds a tag other than {{ … }}.
func (p *protected) hasStatement(text string) bool {
	found := false
	p.replace(text, func(n int) string {
		found = found || p.statements[n]
		return ""
	})
	return found
}

// holds says whether there is any tag in text.
func (p *protected) holds(text string) bool { return strings.Contains(strings.ToLower(text), p.mark) }

// replace puts by(n) for the word of tag n. Letters may have changed case on the way.
func (p *protected) replace(text string, by func(n int) string) string {
	if len(p.tags) == 0 || !p.holds(text) {
		return text
	}
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		lower = text
	}
	var out strings.Builder
	for {
		at := strings.Index(lower, p.mark)
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		n, end := wordNumber(lower, at+len(p.mark))
		if end < 0 || n >= len(p.tags) {
			end = at + len(p.mark)
			out.WriteString(text[:end])
		} else {
			out.WriteString(text[:at])
			out.WriteString(by(n))
		}
		text, lower = text[end:], lower[end:]
	}
}

// wordNumber reads the number and the closing z of a word; end is -1 if there are none.
func wordNumber(s string, pos int) (n, end int) {
	start := pos
	for pos < len(s) && pos-start < 7 && s[pos] >= '0' && s[pos] <= '9' {
		n = n*10 + int(s[pos]-'0')
		pos++
	}
	if pos == start || pos == len(s) || s[pos] != 'z' {
		return 0, -1
	}
	return n, pos + 1
}
