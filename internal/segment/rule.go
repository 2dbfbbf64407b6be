package segment

import "time"

// Rule says which readers belong to a segment: it is one of the types below, and nil is none. A rule that Parse returns is in
// canonical form: lists are sorted and without repetition, texts as the rest of Presswork writes them.
//
//sumtype:decl
type Rule interface{ rule() }

// All holds if every one of its rules does. A rule either holds or does not: there is no "unknown" that a negation would leave.
type All []Rule

// Any holds if one of its rules does.
type Any []Rule

// Not holds if its rule does not.
type Not struct{ Rule Rule }

// Topic holds for who has chosen one of the topics, or with Every each of them. They are slugs; one that does not exist is
// nobody's.
type Topic struct {
	Slugs []string
	Every bool
}

// Attribute compares a reader's attribute. Values of different types are different and in no order: the text "5" is neither
// equal to the number 5 nor more or less. Who does not have the attribute fulfils nothing but Exists with false, so that Ne is
// "has another value"; the negation of Eq holds for them as well. Texts are in the order of their characters' numbers, in
// which dates of one form (RFC 3339, in UTC) are in the order of time.
type Attribute struct {
	Name string
	Op   Op
	// Value is a string, a float64 or a bool: with Contains and the orders no bool, with Exists a bool. With In it is nil, and
	// Values has 1 to MaxValues of them.
	Value  any
	Values []any
}

// Engagement compares what a reader did with what they were sent in the last Weeks weeks: in this calendar week (UTC, from
// Monday) and that many before it. Rates are from 0 to 1; they hold for nobody who was sent less than MinSent.
type Engagement struct {
	Metric  Metric
	Weeks   int
	Op      Op
	Value   float64
	MinSent int
}

// Inactive holds for who has neither opened nor clicked anything for so many days, and was first sent something at least as
// long ago. With NeverSent it holds for those as well who were never sent anything and are subscribers for that long.
type Inactive struct {
	Days      int
	NeverSent bool
}

// Country holds for who lives in one of the countries: ISO 3166-1 alpha-2.
type Country struct{ Codes []string }

// Language holds for who reads one of the languages: BCP 47, "de" for all that begins with "de-" too.
type Language struct{ Tags []string }

// Channel holds for who takes messages of this kind, which is everybody who has not said otherwise; with Days for whoever
// opened or clicked something that came by it in that time.
type Channel struct {
	Kind string
	Days int // 0: takes it
}

// Created holds for who became a subscriber at or after After and before Before; zero: at any time.
type Created struct{ After, Before time.Time }

// Member holds for who belongs to another segment.
type Member struct{ Slug string }

func (All) rule()        {}
func (Any) rule()        {}
func (Not) rule()        {}
func (Topic) rule()      {}
func (Attribute) rule()  {}
func (Engagement) rule() {}
func (Inactive) rule()   {}
func (Country) rule()    {}
func (Language) rule()   {}
func (Channel) rule()    {}
func (Created) rule()    {}
func (Member) rule()     {}

// Op compares.
type Op string

// The comparisons. Contains is of a text in a text, letter by letter.
const (
	Eq       Op = "eq"
	Ne       Op = "ne"
	In       Op = "in"
	Gt       Op = "gt"
	Gte      Op = "gte"
	Lt       Op = "lt"
	Lte      Op = "lte"
	Contains Op = "contains"
	Exists   Op = "exists"
)

// Ops are all of them.
func Ops() []Op { return []Op{Eq, Ne, In, Gt, Gte, Lt, Lte, Contains, Exists} }

// orders are those that take a number or a text by its order.
func orders() []Op { return []Op{Gt, Gte, Lt, Lte} }

// Metric is what an Engagement compares.
type Metric string

// The metrics. A publication counts once, on however many channels it came and however often it was opened; whoever clicks has
// opened it.
const (
	OpenRate  Metric = "open_rate"
	ClickRate Metric = "click_rate"
	Sent      Metric = "sent"
	Opened    Metric = "opened"
	Clicked   Metric = "clicked"
)

// Metrics are all of them.
func Metrics() []Metric { return []Metric{OpenRate, ClickRate, Sent, Opened, Clicked} }

// Rate reports a share of what was sent.
func (m Metric) Rate() bool { return m == OpenRate || m == ClickRate }

// Bounds of a rule.
const (
	MaxDepth      = 10 // of rules in rules
	MaxConditions = 100
	MaxTopics     = 50
	MaxValues     = 100
	MaxText       = 200 // characters of a value
	MaxWeeks      = 52
	MaxDays       = 3650
	MaxCount      = 10_000
)

// Conditions counts the conditions of a rule: what is not All, Any or Not.
func Conditions(r Rule) int {
	n := 0
	Walk(r, func(Rule) { n++ })
	return n
}

// Walk calls f for each condition of a rule, in the order in which they are written.
func Walk(r Rule, f func(Rule)) {
	switch r := r.(type) {
	case All:
		for _, part := range r {
			Walk(part, f)
		}
	case Any:
		for _, part := range r {
			Walk(part, f)
		}
	case Not:
		Walk(r.Rule, f)
	case Topic, Attribute, Engagement, Inactive, Country, Language, Channel, Created, Member:
		f(r)
	}
}

// Topics are the slugs of all topics that a rule names, Members those of segments; each may come more than once.
func Topics(r Rule) []string {
	var slugs []string
	Walk(r, func(c Rule) {
		if t, ok := c.(Topic); ok {
			slugs = append(slugs, t.Slugs...)
		}
	})
	return slugs
}

// Members are the slugs of the segments that a rule refers to.
func Members(r Rule) []string {
	var slugs []string
	Walk(r, func(c Rule) {
		if m, ok := c.(Member); ok {
			slugs = append(slugs, m.Slug)
		}
	})
	return slugs
}
