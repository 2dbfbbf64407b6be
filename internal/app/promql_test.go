package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// series are the metrics that a process exports: the labels of each by its name, and what it shows just now.
type series struct {
	labels map[string][]string
	shown  string
}

// promQL reads an expression of Prometheus, as far as alert rules need the language: metrics, aggregations, functions of one argument
// and what compares and calculates. Everything that it names has to be there.
type promQL struct {
	series
	rest, token string
	err         error
}

var (
	promToken = regexp.MustCompile(`^(?:[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?[smhdwy]?|"[^"\\]*"|[<>=!]=|=~|!~|[-+*/%<>=(){}\[\],])`)
	promName  = regexp.MustCompile(`^[a-zA-Z_:][\w:]*$`)
	promSpan  = regexp.MustCompile(`^\d+[smhdwy]$`)
	promCount = regexp.MustCompile(`^\d+(\.\d+)?$`)
)

// checkPromQL is the labels that the result of an expression has, or what is wrong with it.
func checkPromQL(of series, expr string) ([]string, error) {
	p := &promQL{series: of, rest: expr}
	p.next()
	labels := p.expr()
	if p.token != "" {
		p.fail("%q is too much", p.token)
	}
	return labels, p.err
}

func (p *promQL) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.rest, p.token = "", "" // and so it ends
}

func (p *promQL) next() {
	p.rest = strings.TrimSpace(p.rest)
	p.token = promToken.FindString(p.rest)
	if p.token == "" && p.rest != "" {
		p.fail("%q is not understood", p.rest)
	}
	p.rest = strings.TrimPrefix(p.rest, p.token)
}

func (p *promQL) want(token string) {
	if p.token != token {
		p.fail("%q stands where %q has to", p.token, token)
		return
	}
	p.next()
}

// word is the token if it is of a form.
func (p *promQL) word(form *regexp.Regexp) string {
	word := p.token
	if !form.MatchString(word) {
		p.fail("%q stands where %s has to", word, form)
		return ""
	}
	p.next()
	return word
}

func (p *promQL) expr() []string {
	labels := p.operand()
	for slices.Contains([]string{"+", "-", "*", "/", "%", ">", "<", ">=", "<=", "==", "!=", "and", "or", "unless"}, p.token) {
		p.next()
		if right := p.operand(); labels == nil {
			labels = right
		}
	}
	return labels
}

func (p *promQL) operand() []string {
	switch {
	case p.token == "(":
		p.next()
		labels := p.expr()
		p.want(")")
		return labels
	case promCount.MatchString(p.token):
		p.next()
		return nil
	case slices.Contains([]string{"sum", "max", "min", "avg", "count"}, p.token):
		return p.aggregation()
	case slices.Contains([]string{"increase", "rate", "max_over_time", "min_over_time"}, p.token):
		p.next()
		p.want("(")
		labels := p.metric(true)
		p.want(")")
		return labels
	case slices.Contains([]string{"abs", "ceil", "floor"}, p.token):
		p.next()
		return p.operand()
	default:
		return p.metric(false)
	}
}

func (p *promQL) aggregation() []string {
	p.next()
	by := []string{}
	if p.token == "by" {
		p.next()
		for p.want("("); p.err == nil; p.want(",") {
			by = append(by, p.word(promName))
			if p.token == ")" {
				break
			}
		}
		p.want(")")
	}
	p.want("(")
	labels := p.expr()
	p.want(")")
	for _, label := range by {
		if p.err == nil && !slices.Contains(labels, label) {
			p.fail("there is no label %s among %q", label, labels)
		}
	}
	return by
}

// metric is one that there is, with labels that it has; ranged says whether it is looked at over a time.
func (p *promQL) metric(ranged bool) []string {
	name := p.word(promName)
	labels, there := p.labels[name]
	if !there {
		p.fail("there is no metric %s", name)
	}
	if p.token == "{" {
		p.next()
		for p.err == nil {
			p.matcher(name, labels)
			if p.token == "}" {
				break
			}
			p.want(",")
		}
		p.want("}")
	}
	if ranged {
		p.want("[")
		p.word(promSpan)
		p.want("]")
	}
	return append([]string{"instance", "job"}, labels...)
}

// matcher names a label that the metric has, and if it wants a value, one of those that are shown, if any are.
func (p *promQL) matcher(name string, labels []string) {
	label := p.word(promName)
	if p.err == nil && !slices.Contains(labels, label) {
		p.fail("%s has no label %s", name, label)
	}
	sign := p.token
	if !slices.Contains([]string{"=", "!=", "=~", "!~"}, sign) {
		p.fail("%q compares nothing", sign)
	}
	p.next()
	value := p.word(regexp.MustCompile(`^".*"$`))
	shown := func(value string) bool {
		return regexp.MustCompile(`(?m)^` + name + `\{[^}]*\b` + label + `=` + value).MatchString(p.shown)
	}
	if p.err == nil && sign == "=" && shown("") && !shown(regexp.QuoteMeta(value)) {
		p.fail("no %s is shown whose %s is %s", name, label, value)
	}
}
