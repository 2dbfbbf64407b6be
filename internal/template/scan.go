package template

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// SegmentKind tells the parts of a source apart.
type SegmentKind uint8

const (
	// Literal text, copied to the output.
	Literal SegmentKind = iota
	// Output is {{ … }}.
	Output
	// Statement is {% … %}.
	Statement
	// Comment is {# … #}.
	Comment
	// Raw is {% raw %} … {% endraw %} as a whole.
	Raw
)

// Segment is a part of a source, as byte offsets.
type Segment struct {
	Kind SegmentKind
	// Start and End bound the segment, delimiters included.
	Start, End int
	// InnerStart and InnerEnd bound what stands between the delimiters of an Output or Statement,
	// without whitespace-control signs; InnerEnd is where the closing delimiter, sign included, begins.
	InnerStart, InnerEnd int
}

// Scan splits a source into its segments, which cover it without gaps. It returns *SyntaxError
// (without Name) for a tag that is never closed.
func Scan(source string) ([]Segment, error) {
	var out []Segment
	pos := 0
	for pos < len(source) {
		open := nextTag(source, pos)
		if open > pos {
			out = append(out, Segment{Kind: Literal, Start: pos, End: open, InnerStart: pos, InnerEnd: open})
		}
		if open == len(source) {
			break
		}
		segment, err := scanTag(source, open)
		if err != nil {
			return nil, err
		}
		out = append(out, segment)
		pos = segment.End
	}
	return out, nil
}

func nextTag(source string, pos int) int {
	for i := pos; ; i++ {
		at := strings.IndexByte(source[i:], '{')
		if at < 0 || i+at+1 >= len(source) {
			return len(source)
		}
		i += at
		if next := source[i+1]; next == '{' || next == '%' || next == '#' {
			return i
		}
	}
}

func scanTag(source string, open int) (Segment, error) {
	if source[open+1] == '#' {
		end := strings.Index(source[open+2:], "#}")
		if end < 0 {
			return Segment{}, errorAt(source, open, "this comment is never closed: #} is missing")
		}
		return Segment{Kind: Comment, Start: open, End: open + 2 + end + 2}, nil
	}
	kind, closing := Output, byte('}')
	if source[open+1] == '%' {
		kind, closing = Statement, '%'
	}
	end := tagEnd(source, open+2, closing)
	if end < 0 {
		return Segment{}, errorAt(source, open, "this tag is never closed: %c} is missing", closing)
	}
	segment := Segment{Kind: kind, Start: open, End: end + 2, InnerStart: open + 2, InnerEnd: end}
	trimSigns(source, &segment)
	if kind == Statement && strings.TrimSpace(source[segment.InnerStart:segment.InnerEnd]) == "raw" {
		return scanRaw(source, segment)
	}
	return segment, nil
}

// tagEnd finds the closing delimiter, passing over strings and balanced braces, or -1.
func tagEnd(source string, pos int, closing byte) int {
	braces := 0
	for i := pos; i < len(source); i++ {
		switch c := source[i]; {
		case c == '"' || c == '\'':
			i = stringEnd(source, i)
		case c == closing && braces == 0 && i+1 < len(source) && source[i+1] == '}':
			return i
		case c == '{':
			braces++
		case c == '}' && braces > 0:
			braces--
		}
	}
	return -1
}

// stringEnd is the offset of the quote that closes the string opened at pos, or the source's end.
func stringEnd(source string, pos int) int {
	quote := source[pos]
	for i := pos + 1; i < len(source); i++ {
		switch source[i] {
		case '\\':
			i++
		case quote:
			return i
		}
	}
	return len(source)
}

func trimSigns(source string, s *Segment) {
	if s.InnerStart < s.InnerEnd && strings.IndexByte("-+", source[s.InnerStart]) >= 0 {
		s.InnerStart++
	}
	if s.InnerStart < s.InnerEnd && strings.IndexByte("-+", source[s.InnerEnd-1]) >= 0 {
		s.InnerEnd--
	}
}

// endRaw closes a raw block.
var endRaw = regexp.MustCompile(`\{%[-+]?\s*endraw\s*[-+]?%\}`)

func scanRaw(source string, open Segment) (Segment, error) {
	at := endRaw.FindStringIndex(source[open.End:])
	if at == nil {
		return Segment{}, errorAt(source, open.Start, "this raw block is never closed: {%% endraw %%} is missing")
	}
	return Segment{
		Kind: Raw, Start: open.Start, End: open.End + at[1], InnerStart: open.End, InnerEnd: open.End + at[0],
	}, nil
}

// Position is the line and column, from 1, of a byte offset; columns are in characters.
func Position(source string, offset int) (line, column int) {
	offset = min(max(offset, 0), len(source))
	before := source[:offset]
	line = strings.Count(before, "\n") + 1
	column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return line, column
}
