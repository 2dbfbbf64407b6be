package discord

import (
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
			Items: rapid.SliceOfN(item, 0, 15).Draw(t, "items"),
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
