package content_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/content"
)

func day(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }

func TestChoose(t *testing.T) {
	t.Parallel()
	items := []content.Item{
		{Topics: []string{"news"}, Language: "en", Quality: 0.5, Created: day(1)},
		{Topics: []string{"news", "go"}, Language: "en-GB", Quality: 0.5, Created: day(1)},
		{Topics: []string{"news", "cooking"}, Language: "de", Quality: 0.9, Created: day(2)},
		{Topics: nil, Quality: 0.1, Created: day(1)},
	}
	for name, c := range map[string]struct {
		reader content.Profile
		n      int
		want   []int
	}{
		"the rare topic counts more":    {content.Profile{Topics: []string{"go"}, Language: "en"}, 2, []int{1, 0}},
		"all of an item's topics":       {content.Profile{Topics: []string{"news"}, Language: "en"}, 1, []int{0}},
		"language without topics":       {content.Profile{Language: "de-AT"}, 1, []int{2}},
		"quality without anything":      {content.Profile{}, 1, []int{2}},
		"unknown topics change nothing": {content.Profile{Topics: []string{"x"}, Language: "en"}, 2, []int{0, 1}},
		"at least one":                  {content.Profile{}, 0, []int{2}},
		"at most all":                   {content.Profile{Language: "en"}, 99, []int{0, 1, 3}},
		"whose language is not known":   {content.Profile{}, 99, []int{2, 0, 1, 3}},
		"English instead of their own":  {content.Profile{Topics: []string{"cooking"}, Language: "tr"}, 99, []int{3, 0, 1}},
		"another region of a language":  {content.Profile{Language: "DE-at"}, 99, []int{2, 3, 0, 1}},
	} {
		got, err := content.Choose(c.reader, items, c.n)
		if err != nil {
			t.Fatal(err)
		}
		var indexes []int
		for _, choice := range got {
			indexes = append(indexes, choice.Index)
		}
		if !slices.Equal(indexes, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	items := []content.Item{
		{Topics: []string{"a"}, Language: "fr", Quality: 1, Created: day(2)}, {Language: "en", Created: day(1)},
	}
	got, err := content.Choose(content.Profile{Topics: []string{"a"}, Language: "fr"}, items, 2)
	if err != nil {
		t.Fatal(err)
	}
	if codes := got[0].Reasons.Codes(); !slices.Equal(codes, []string{"topic_match", "language_match", "high_quality", "newest"}) {
		t.Errorf("got %v", codes)
	}
	if codes := got[1].Reasons.Codes(); !slices.Equal(codes, []string{"fallback"}) {
		t.Errorf("got %v", codes)
	}
}

func TestChooserBounds(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, content.MaxItems + 1} {
		if _, err := content.NewChooser(make([]content.Item, n)); err == nil {
			t.Errorf("%d items were taken", n)
		}
	}
}

// inTheRunning are the items that a reader of a language can read, or all if they can read none.
func inTheRunning(language string, items []content.Item) (indexes []int) {
	base := func(tag string) string { return strings.ToLower(strings.Split(tag, "-")[0]) }
	var all []int
	for i, item := range items {
		all = append(all, i)
		if of := base(item.Language); language == "" || of == "" || of == "en" || of == base(language) {
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 {
		return all
	}
	return indexes
}

// TestChooseProperties: whatever goes in, the choice is sorted, without doubles, repeatable, within
// 0 to 1, of the size asked for, and in no language that the reader does not read while there is another.
func TestChooseProperties(t *testing.T) {
	t.Parallel()
	topic := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) content.Item {
			return content.Item{
				Topics:  rapid.SliceOfNDistinct(topic, 0, 5, rapid.ID).Draw(t, "topics"),
				Quality: rapid.Float64Range(0, 1).Draw(t, "quality"), Created: day(rapid.IntRange(1, 28).Draw(t, "day")),
				Language: rapid.SampledFrom([]string{"", "en", "en-GB", "de-CH", "pt", "tr", "ja"}).Draw(t, "language"),
			}
		}), 1, content.MaxItems).Draw(t, "items")
		reader := content.Profile{Topics: rapid.SliceOfNDistinct(topic, 0, 5, rapid.ID).Draw(t, "chosen"),
			Language: rapid.SampledFrom([]string{"", "de", "tr", "pt-BR", "en-US", "ko"}).Draw(t, "reads")}
		n := rapid.IntRange(-1, 20).Draw(t, "n")
		chooser, err := content.NewChooser(items)
		if err != nil {
			t.Fatal(err)
		}
		got := chooser.Choose(reader, n)
		want := inTheRunning(reader.Language, items)
		if len(got) != min(max(n, 1), len(want), content.MaxChosen) || !reflect.DeepEqual(got, chooser.Choose(reader, n)) {
			t.Fatalf("got %v", got)
		}
		var indexes []int
		for i, choice := range got {
			if choice.Score < 0 || choice.Score > 1+1e-9 || i > 0 && choice.Score > got[i-1].Score || len(choice.Reasons.Codes()) == 0 {
				t.Fatalf("got %v", got)
			}
			if !slices.Contains(want, choice.Index) {
				t.Fatalf("item %d in %q for a reader of %q", choice.Index, items[choice.Index].Language, reader.Language)
			}
			indexes = append(indexes, choice.Index)
		}
		packed, err := content.EncodeChoice(indexes)
		if err != nil || len(packed) > 16 {
			t.Fatalf("%v, %v", packed, err)
		}
		if again, err := content.DecodeChoice(packed); err != nil || !slices.Equal(again, indexes) {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

func TestCodecRefuses(t *testing.T) {
	t.Parallel()
	for _, indexes := range [][]int{{-1}, {100}, {256}, {1, 1}, make([]int, 17)} {
		if packed, err := content.EncodeChoice(indexes); err == nil {
			t.Errorf("%v became %v", indexes, packed)
		}
	}
	if got, err := content.DecodeChoice(nil); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzDecodeChoice(f *testing.F) {
	f.Add([]byte{0, 5, 99})
	f.Fuzz(func(t *testing.T, packed []byte) {
		indexes, err := content.DecodeChoice(packed)
		if err != nil {
			return
		}
		if again, err := content.EncodeChoice(indexes); err != nil || !slices.Equal(again, packed) {
			t.Fatalf("%v became %v, %v", packed, again, err)
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	for _, n := range []int{10, 100} {
		items := make([]content.Item, n)
		for i := range items {
			items[i] = content.Item{
				Topics:   []string{fmt.Sprint("topic ", i%20), fmt.Sprint("topic ", i%7), "news"}[:1+i%3],
				Language: "en", Quality: float64(i%10) / 10, Created: day(1 + i%28),
			}
		}
		chooser, err := content.NewChooser(items)
		if err != nil {
			b.Fatal(err)
		}
		reader := content.Profile{Topics: []string{"topic 1", "topic 3", "topic 5", "topic 11", "news"}, Language: "en-US"}
		b.Run(fmt.Sprint(n, "items"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				chooser.Choose(reader, 3)
			}
		})
	}
}
