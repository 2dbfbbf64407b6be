package discord

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
)

func length(s string) int { return len(utf16.Encode([]rune(s))) }

// TestLimits holds for posts of any size what Discord's pages say.
func TestLimits(t *testing.T) {
	t.Parallel()
	text := func(longest int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			word := rapid.SampledFrom([]string{"", "a", "🎉", "é", " ", "\n"}).Draw(t, "word")
			return strings.Repeat(word, rapid.IntRange(0, longest).Draw(t, "times"))
		})
	}
	item := rapid.Custom(func(t *rapid.T) channel.PostItem {
		return channel.PostItem{Title: text(400).Draw(t, "title"), Text: text(7000).Draw(t, "text"), URL: text(3000).Draw(t, "url")}
	})
	rapid.Check(t, func(t *rapid.T) {
		m := &channel.Message{Post: &channel.Post{
			Title: text(3000).Draw(t, "title"), Text: text(7000).Draw(t, "text"), URL: text(3000).Draw(t, "url"),
			Items: rapid.SliceOfN(item, 0, 15).Draw(t, "items"), Custom: rapid.Bool().Draw(t, "custom"),
		}}
		out, err := compose(m, true)
		if err != nil {
			return
		}
		if length(out.Content) > maxContent || len(out.Embeds) > maxEmbeds || len(out.Nonce) > 25 {
			t.Fatalf("content of %d, %d embeds, nonce %q", length(out.Content), len(out.Embeds), out.Nonce)
		}
		total := 0
		for _, e := range out.Embeds {
			total += length(e.Title) + length(e.Description)
			if length(e.Title) > maxTitle || length(e.Description) > maxDescription || len(e.URL) > maxURL || e.Title+e.Description == "" {
				t.Fatalf("an embed of %d and %d", length(e.Title), length(e.Description))
			}
		}
		if total > maxTotal {
			t.Fatalf("embeds of %d", total)
		}
	})
}

// TestCustomTextIsTheMessage, whole up to the limits: what the content has no room for stands in embeds.
func TestCustomTextIsTheMessage(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("word ", 99) + "word\n\n" // 501 with the blank line
	for name, tc := range map[string]struct {
		text    string
		content string
		embeds  []string
	}{
		"short": {"**Own** & <https://e.org>\n", "**Own** & <https://e.org>", nil},
		"long": {strings.Repeat(line, 10), strings.TrimSpace(strings.Repeat(line, 3)),
			[]string{strings.TrimSpace(strings.Repeat(line, 7))}},
		"nothing": {" \n", "Title", []string{"An item"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := compose(&channel.Message{Post: &channel.Post{Title: "Title", Text: tc.text, Custom: true,
				Items: []channel.PostItem{{Text: "An item"}}}}, false)
			if err != nil {
				t.Fatal(err)
			}
			var embeds []string
			for _, e := range out.Embeds {
				embeds = append(embeds, e.Description)
			}
			if out.Content != tc.content || !slices.Equal(embeds, tc.embeds) {
				t.Errorf("%q, %q, want %q, %q", out.Content, embeds, tc.content, tc.embeds)
			}
		})
	}
	out, err := compose(&channel.Message{Post: &channel.Post{Text: strings.Repeat(line, 100), Custom: true}}, false)
	if err != nil || len(out.Embeds) != 2 || !strings.HasSuffix(out.Embeds[1].Description, "…") {
		t.Errorf("%v, %d embeds", err, len(out.Embeds))
	}
}
