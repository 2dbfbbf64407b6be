package jinja

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/filters"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// maxPad is the widest indentation, padding or number format.
const maxPad = 1000

var errWidth = errors.New("this width is too large")

// like makes a text value that is safe if another was.
func like(v value.Value, s string) value.Value {
	if v.IsSafe() {
		return value.FromSafeString(s)
	}
	return value.FromString(s)
}

// option is an argument given by position or by name, or its default.
func option(args filterArgs, kwargs keywords, at int, name string, otherwise value.Value) value.Value {
	if at < len(args) {
		return args[at]
	}
	if v, ok := kwargs[name]; ok {
		return v
	}
	return otherwise
}

func intOption(args filterArgs, kwargs keywords, at int, name string, otherwise int) int {
	if n, ok := option(args, kwargs, at, name, value.Undefined()).AsInt(); ok {
		return int(n)
	}
	return otherwise
}

func toString(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	return like(v, text(v)), nil
}

func filterEscape(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	return value.FromSafeString(escaped(v)), nil
}

func forceEscape(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	return value.FromSafeString(escape(text(v))), nil
}

func replace(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	if len(args) < 2 {
		return value.Undefined(), errors.New("replace needs the old and the new text")
	}
	s, before, after := text(v), text(args[0]), text(args[1])
	safe := html(state) && (v.IsSafe() || args[1].IsSafe())
	if safe {
		s, after = escaped(v), escaped(args[1])
	}
	count := intOption(args, kwargs, 2, "count", -1)
	hits := strings.Count(s, before)
	if count >= 0 {
		hits = min(hits, count)
	}
	if len(s)+hits*len(after) > maxString {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	s = strings.Replace(s, before, after, count)
	if safe {
		return value.FromSafeString(s), nil
	}
	return value.FromString(s), nil
}

// wideFormat finds a width or precision of more than three digits.
var wideFormat = regexp.MustCompile(`%[^a-zA-Z%]*[0-9]{4}`)

func formatted(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	s, _ := v.AsString()
	if wideFormat.MatchString(s) || strings.Count(s, "%") > maxPad {
		return value.Undefined(), errWidth
	}
	size := len(s)
	for _, arg := range args {
		size += measure(arg, maxTree) * strings.Count(s, "%")
	}
	if size > maxTree {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	return filters.FilterFormat(state, v, args, kwargs)
}

func indent(state filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	width := intOption(args, kwargs, 0, "width", 4)
	if width < 0 || width > maxPad {
		return value.Undefined(), errWidth
	}
	s := text(v)
	if len(s)+strings.Count(s, "\n")*width > maxString {
		return value.Undefined(), budgetOf(state).pass("memory")
	}
	return filters.FilterIndent(state, v, args, kwargs)
}

func center(_ filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	width := intOption(args, kwargs, 0, "width", 80)
	if width > maxPad {
		return value.Undefined(), errWidth
	}
	s := text(v)
	pad := max(width-utf8.RuneCountInString(s), 0)
	left := pad / 2
	return like(v, strings.Repeat(" ", left)+s+strings.Repeat(" ", pad-left)), nil
}

// truncate shortens a text to length letters, at a word's end unless killwords; up to leeway more
// letters may stay.
func truncate(_ filters.State, v value.Value, args filterArgs, kwargs keywords) (value.Value, error) {
	length := intOption(args, kwargs, 0, "length", 255)
	kill := option(args, kwargs, 1, "killwords", value.False()).IsTrue()
	end := text(option(args, kwargs, 2, "end", value.FromString("...")))
	leeway := intOption(args, kwargs, 3, "leeway", 5)
	runes := []rune(text(v))
	if length < 0 || len(runes) <= length+leeway {
		return v, nil
	}
	keep := max(length-utf8.RuneCountInString(end), 0)
	cut := string(runes[:keep])
	if at := strings.LastIndexByte(cut, ' '); !kill && at >= 0 {
		cut = cut[:at]
	}
	return value.FromString(cut + end), nil
}

var (
	tag    = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// stripTags removes tags and comments and folds white space. Its result is not safe: what entities
// stand for is escaped again on output.
func stripTags(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	s := tag.ReplaceAllString(text(v), "")
	return value.FromString(unescape(strings.TrimSpace(spaces.ReplaceAllString(s, " ")))), nil
}

func wordCount(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	return value.FromInt(int64(len(strings.Fields(text(v))))), nil
}

// safeURL is put behind what an HTML template writes at the beginning of a link or an image's address:
// an address of a kind that could run code becomes "#".
func safeURL(_ filters.State, v value.Value, _ filterArgs, _ keywords) (value.Value, error) {
	s := strings.TrimSpace(text(v))
	scheme, _, found := strings.Cut(s, ":")
	if !found || strings.ContainsAny(scheme, "/?#") {
		return v, nil
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "tel", "sms", "cid", "presswork-click", "presswork-open":
		return v, nil
	}
	return value.FromString("#"), nil
}
