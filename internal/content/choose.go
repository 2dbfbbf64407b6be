package content

import (
	"errors"
	"math"
	"slices"
	"strings"
)

const (
	// MaxItems is how many items a publication may have (REQUIREMENTS B7).
	MaxItems = 100
	// MaxChosen is how many items one reader may get: a stored choice has one byte for each.
	MaxChosen = 16
)

// The weights of what speaks for an item. Topics outweigh all else together; freshness only decides
// between items that are otherwise near each other.
const (
	weightTopics    = 0.55
	weightLanguage  = 0.25
	weightQuality   = 0.17
	weightFreshness = 0.03
	// highQuality is from where quality is named as a reason.
	highQuality = 0.8
)

// Reasons say why an item was chosen, as a set of bits.
type Reasons uint8

// The reasons; their codes are part of the API.
const (
	// TopicMatch: the reader chose at least one of the item's topics.
	TopicMatch Reasons = 1 << iota
	// LanguageMatch: the item is in the reader's language.
	LanguageMatch
	// HighQuality: the item's quality is at least 0.8.
	HighQuality
	// Newest: no item of the publication is newer.
	Newest
	// Fallback: nothing speaks for the item, it fills a place.
	Fallback
)

// reasonCodes are in the order of the bits.
var reasonCodes = [...]string{"topic_match", "language_match", "high_quality", "newest", "fallback"}

// Codes are the reasons as the API shows them.
func (r Reasons) Codes() []string {
	var out []string
	for i, code := range reasonCodes {
		if r&(1<<i) != 0 {
			out = append(out, code)
		}
	}
	return out
}

// Profile is what is known of a reader.
type Profile struct {
	// Topics are slugs.
	Topics []string
	// Language is a BCP 47 tag, empty if unknown.
	Language string
}

// Choice is a chosen item.
type Choice struct {
	// Index counts the publication's items from 0.
	Index int
	// Score is from 0 to 1.
	Score   float64
	Reasons Reasons
}

// Chooser chooses among the items of one publication. It is made once and then used for every reader,
// at once too.
type Chooser struct {
	// postings are the items that have a topic, with what the topic adds to their score.
	postings map[string][]posting
	// base is what does not depend on the reader, per item.
	base    []float64
	reasons []Reasons
	// languages are the items' languages without region, per item.
	languages []string
}

type posting struct {
	item  int
	score float64
}

// ErrItems is returned for no items or more than MaxItems.
var ErrItems = errors.New("content: a choice is among 1 to 100 items")

// NewChooser prepares the choice among items. A topic weighs ln(1 + items ÷ items with it), so that
// what few items share says more than what all do; an item's topics together weigh 1.
func NewChooser(items []Item) (*Chooser, error) {
	if len(items) == 0 || len(items) > MaxItems {
		return nil, ErrItems
	}
	c := &Chooser{
		postings: map[string][]posting{}, base: make([]float64, len(items)),
		reasons: make([]Reasons, len(items)), languages: make([]string, len(items)),
	}
	frequency := map[string]int{}
	for _, item := range items {
		for _, topic := range item.Topics {
			frequency[topic]++
		}
	}
	weight := func(topic string) float64 { return math.Log1p(float64(len(items)) / float64(frequency[topic])) }
	for i, item := range items {
		total := 0.0
		for _, topic := range item.Topics {
			total += weight(topic)
		}
		for _, topic := range item.Topics {
			c.postings[topic] = append(c.postings[topic], posting{i, weightTopics * weight(topic) / total})
		}
		c.languages[i] = baseLanguage(item.Language)
	}
	c.rateItems(items)
	return c, nil
}

// rateItems works out what does not depend on the reader.
func (c *Chooser) rateItems(items []Item) {
	oldest, newest := items[0].Created, items[0].Created
	for _, item := range items {
		if item.Created.Before(oldest) {
			oldest = item.Created
		}
		if item.Created.After(newest) {
			newest = item.Created
		}
	}
	span := newest.Sub(oldest)
	for i, item := range items {
		c.base[i] = weightQuality * min(max(item.Quality, 0), 1)
		if span > 0 {
			c.base[i] += weightFreshness * float64(item.Created.Sub(oldest)) / float64(span)
			if item.Created.Equal(newest) {
				c.reasons[i] |= Newest
			}
		}
		if item.Quality >= highQuality {
			c.reasons[i] |= HighQuality
		}
	}
}

func baseLanguage(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(base)
}

// Choose gives a reader the n best items, best first; at least one and at most MaxChosen.
//
// Language decides twice. First who is in the running: items in the reader's language (whatever its region), in
// English, which stands in for languages that are missing as it does among templates, and those whose language is not
// known; for a reader whose language is not known, all. However well its topics fit, nothing else is chosen, even if
// there are fewer than n then, unless there is nothing but such items: then all are in the running. Second, among
// those, the reader's own language is one of the things that speak for an item.
//
// The same input gives the same choice; of equal items the earlier one comes first.
func (c *Chooser) Choose(reader Profile, n int) []Choice {
	n = min(max(n, 1), len(c.base), MaxChosen)
	var scores [MaxItems]float64
	var matched [MaxItems]bool
	copy(scores[:], c.base)
	for _, topic := range reader.Topics {
		for _, p := range c.postings[topic] {
			scores[p.item] += p.score
			matched[p.item] = true
		}
	}
	language := baseLanguage(reader.Language)
	all := !slices.ContainsFunc(c.languages, func(of string) bool { return reads(language, of) })
	out := make([]Choice, 0, n)
	for i := range c.base {
		if !all && !reads(language, c.languages[i]) {
			continue
		}
		choice := Choice{Index: i, Score: scores[i], Reasons: c.reasons[i]}
		if matched[i] {
			choice.Reasons |= TopicMatch
		}
		switch {
		case language == "" || c.languages[i] == "":
			// One of the two is unknown: neither for nor against the item.
			choice.Score += weightLanguage / 2
		case c.languages[i] == language:
			choice.Score += weightLanguage
			choice.Reasons |= LanguageMatch
		}
		if choice.Reasons == 0 {
			choice.Reasons = Fallback
		}
		out = place(out, choice, n)
	}
	return out
}

// fallbackLanguage is what readers get whose own language is missing.
const fallbackLanguage = "en"

// reads reports whether a reader of a language is taken to read an item in another; either is empty if unknown.
func reads(language, of string) bool {
	return of == language || of == fallbackLanguage || language == "" || of == ""
}

// place puts a choice where its score belongs among the n best so far.
func place(best []Choice, choice Choice, n int) []Choice {
	at := len(best)
	for at > 0 && best[at-1].Score < choice.Score {
		at--
	}
	if at == n {
		return best
	}
	if len(best) < n {
		best = append(best, Choice{})
	}
	copy(best[at+1:], best[at:])
	best[at] = choice
	return best
}

// Choose chooses among items for one reader. For many readers make a Chooser once.
func Choose(reader Profile, items []Item, n int) ([]Choice, error) {
	c, err := NewChooser(items)
	if err != nil {
		return nil, err
	}
	return c.Choose(reader, n), nil
}
