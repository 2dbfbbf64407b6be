package content

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestExplainOwnChoices: what was chosen for a reader is explained exactly, with the scores and reasons it was chosen by,
// and whoever changes is never told what is not known.
func TestExplainOwnChoices(t *testing.T) {
	t.Parallel()
	topic := rapid.SampledFrom([]string{"go", "sql", "ops", "design"})
	language := rapid.SampledFrom([]string{"", "en", "de", "de-AT", "fr"})
	rapid.Check(t, func(t *rapid.T) {
		items := make([]Item, rapid.IntRange(1, 8).Draw(t, "items"))
		for i := range items {
			items[i] = Item{Topics: rapid.SliceOfNDistinct(topic, 0, 3, rapid.ID).Draw(t, "topics"),
				Language: language.Draw(t, "language"), Quality: rapid.Float64Range(0, 1).Draw(t, "quality")}
		}
		c, err := NewChooser(items)
		if err != nil {
			t.Fatal(err)
		}
		reader := Profile{Topics: rapid.SliceOfNDistinct(topic, 0, 3, rapid.ID).Draw(t, "reader's"), Language: language.Draw(t, "reader's language")}
		choices := c.Choose(reader, 5)
		chosen := make([]int, len(choices))
		for i, choice := range choices {
			chosen[i] = choice.Index
		}
		got, basis, err := c.Explain(reader, true, chosen, 5)
		if err != nil || basis != Exact || !slices.Equal(got, choices) {
			t.Fatalf("%+v, %s, %v of %+v", got, basis, err, choices)
		}
		other := Profile{Topics: []string{topic.Draw(t, "other")}, Language: language.Draw(t, "other language")}
		got, basis, err = c.Explain(other, false, chosen, 5)
		if err != nil || basis == Exact || len(got) != len(chosen) {
			t.Fatalf("%+v, %s, %v", got, basis, err)
		}
		for i, choice := range got {
			if choice.Index != chosen[i] {
				t.Fatalf("it explains %+v, and %v was chosen", got, chosen)
			}
			if basis == Changed && choice.Reasons&(TopicMatch|LanguageMatch) != 0 {
				t.Fatalf("it tells %v of a reader who changed", choice.Reasons.Codes())
			}
		}
	})
}

func TestExplainWhatIsNoChoice(t *testing.T) {
	t.Parallel()
	c, err := NewChooser([]Item{{}, {}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Explain(Profile{}, true, []int{2}, 5); !errors.Is(err, ErrChoice) {
		t.Errorf("got %v", err)
	}
}
