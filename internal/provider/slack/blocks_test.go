package slack

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/channel"
)

func length(s string) int { return len(utf16.Encode([]rune(s))) }

// TestLimits holds for posts of any size what Slack's pages say, and that no text can break out of its
// place: no "<" or ">" is left that is not ours.
func TestLimits(t *testing.T) {
	t.Parallel()
	text := func(longest int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			word := rapid.SampledFrom([]string{"", "a", "<!channel>", "&", "🎉", "é", "|", ">", "\n"}).Draw(t, "word")
			return strings.Repeat(word, rapid.IntRange(0, longest).Draw(t, "times"))
		})
	}
	item := rapid.Custom(func(t *rapid.T) channel.PostItem {
		return channel.PostItem{Title: text(700).Draw(t, "title"), Summary: text(4000).Draw(t, "summary"), URL: text(2000).Draw(t, "url")}
	})
	rapid.Check(t, func(t *rapid.T) {
		post := &channel.Post{
			Title: text(300).Draw(t, "title"), Text: text(45_000).Draw(t, "text"), URL: text(2000).Draw(t, "url"),
			Type: text(600).Draw(t, "type"), Items: rapid.SliceOfN(item, 0, 70).Draw(t, "items"),
			Custom: rapid.Bool().Draw(t, "custom"),
		}
		if n := length(fallback(post)); n > maxText {
			t.Fatalf("text of %d", n)
		}
		list := blocks(post)
		if len(list) > maxBlocks {
			t.Fatalf("%d blocks", len(list))
		}
		total := 0
		for _, b := range list {
			var s string
			switch b := b.(type) {
			case *slack.HeaderBlock:
				if length(b.Text.Text) > maxHeader {
					t.Fatalf("header of %d", length(b.Text.Text))
				}
				continue
			case *slack.SectionBlock:
				s = b.Text.Text
				total += length(s)
			case *slack.ContextBlock:
				s = b.ContextElements.Elements[0].(*slack.TextBlockObject).Text
			}
			if s == "" || length(s) > maxSection {
				t.Fatalf("a text of %d", length(s))
			}
			if strings.Contains(s, "<!") || strings.Count(s, "<") > 1 || strings.Count(s, ">") > 1 {
				t.Fatalf("a text breaks out: %q", s)
			}
		}
		if total > maxTotal {
			t.Fatalf("sections of %d", total)
		}
	})
}

// TestTextOfATemplate is mrkdwn, with values that the template has escaped, or has not.
func TestTextOfATemplate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"*<https://e.org/?a=1&amp;b=2|One &amp; &lt;two&gt;>*": "*<https://e.org/?a=1&amp;b=2|One &amp; &lt;two&gt;>*",
		"<mailto:a@e.org|Ann>, AT&T & 1 < 2":                   "<mailto:a@e.org|Ann>, AT&amp;T &amp; 1 &lt; 2",
		"<!channel> <@U1> <#C1> <!here|https://e.org>":         "&lt;!channel&gt; &lt;@U1&gt; &lt;#C1&gt; &lt;!here|https://e.org&gt;",
		"<https://e.org|<!channel>>":                           "&lt;https://e.org|&lt;!channel&gt;&gt;",
		"<https://e.org\n<!channel>":                           "&lt;https://e.org\n&lt;!channel&gt;",
		"&amp;lt;":                                             "&amp;lt;",
	} {
		if got := fallback(&channel.Post{Title: "x", Text: text}); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// TestCustomTextIsTheMessage, whole up to the limits, in sections that end where paragraphs do and break no link.
func TestCustomTextIsTheMessage(t *testing.T) {
	t.Parallel()
	items := []channel.PostItem{{Title: "An item"}}
	line := strings.Repeat("word ", 100) + "\n\n"
	address := "<https://example.org/" + strings.Repeat("a", 40) + "|one of the links>"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"short":      {"*Own* & <!here> <https://e.org|x>\n", []string{"*Own* &amp; &lt;!here&gt; <https://e.org|x>\n"}},
		"paragraphs": {strings.Repeat(line, 8), []string{strings.TrimSpace(strings.Repeat(line, 5)), strings.Repeat(line, 3)}},
		"links": {strings.Repeat("a", 2950) + address + " end", []string{strings.Repeat("a", 2950),
			address + " end"}},
		"nothing": {" \n", []string{"*An item*\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, b := range blocks(&channel.Post{Text: tc.text, Custom: true, Items: items}) {
				got = append(got, b.(*slack.SectionBlock).Text.Text)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q\nwant %q", got, tc.want)
			}
		})
	}
	list := blocks(&channel.Post{Text: strings.Repeat(line, 100), Custom: true, Items: items})
	last := list[len(list)-1].(*slack.SectionBlock).Text.Text
	if len(list) < 4 || !strings.HasSuffix(last, "…") {
		t.Errorf("%d sections, the last %q", len(list), last)
	}
}
