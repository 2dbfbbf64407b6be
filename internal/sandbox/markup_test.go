package sandbox

import (
	"html/template"
	"testing"
)

func TestChatMarkup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want template.HTML
	}{
		{"plain &amp; &lt;!channel&gt;", "plain &amp; &lt;!channel&gt;"},
		{"*<https://e.org/1?a=1&amp;b=2|One &amp; two>*\nmore",
			`<b><a href="https://e.org/1?a=1&amp;b=2" target="_blank" rel="noreferrer">One &amp; two</a></b>` + "\nmore"},
		{"see <https://e.org/2>.", `see <a href="https://e.org/2" target="_blank" rel="noreferrer">https://e.org/2</a>.`},
		{"**News**\nhttps://e.org/3", `<b>News</b>` + "\n" + `<a href="https://e.org/3" target="_blank" rel="noreferrer">https://e.org/3</a>`},
		{`<https://e.org/"onclick="x|y>`, `<a href="https://e.org/&#34;onclick=&#34;x" target="_blank" rel="noreferrer">y</a>`},
		{"<javascript:alert(1)|click>", "&lt;javascript:alert(1)|click&gt;"},
		{`<script>alert("x")</script>`, "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;"},
		{"2 * 3", "2 * 3"},
	} {
		if got := chatMarkup(c.text); got != c.want {
			t.Errorf("%q\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}
