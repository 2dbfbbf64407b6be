package content_test

import (
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/content"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"# A\n\nb *c* **d** `e`":                     "<h1>A</h1>\n<p>b <em>c</em> <strong>d</strong> <code>e</code></p>",
		"- a\n- b\n\n1. c":                           "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n</ol>",
		"[a](https://a.b/?x=1&y=2 'T')":              `<p><a href="https://a.b/?x=1&amp;y=2" title="T">a</a></p>`,
		"![alt](https://a.b/c.png)":                  `<p><img src="https://a.b/c.png" alt="alt"></p>`,
		"> q\n\n---":                                 "<blockquote>\n<p>q</p>\n</blockquote>\n<hr>",
		"|a|b|\n|-|-|\n|1|2|":                        "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>",
		"a <b onclick=x>b</b> {{ c }}":               "<p>a <b>b</b> {{ c }}</p>",
		"```\n<script>\n```":                         "<pre><code>&lt;script&gt;\n</code></pre>",
		"[x](javascript:alert(1)) [y](mailto:a@b.c)": `<p>x <a href="mailto:a@b.c">y</a></p>`,
	} {
		if got := content.HTMLOf(content.Item{Body: body, Format: content.Markdown}); got != want {
			t.Errorf("%q\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestSanitising(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<script>alert(1)</script>x":                          "x",
		"<p onclick='x' style='color:red' class=a id=b>x</p>": "<p>x</p>",
		"<a href='javascript:alert(1)'>x</a>":                 "x",
		"<a href=' JaVaScRiPt:alert(1)'>x</a>":                "x",
		"<a href='java\tscript:alert(1)'>x</a>":               "x",
		"<a href='data:text/html,x'>x</a>":                    "x",
		"<a href='/relative'>x</a>":                           "x",
		"<a href='https://a.b' target=_blank>x</a>":           `<a href="https://a.b">x</a>`,
		"<img src='data:image/png;base64,x' alt=a>":           `<img alt="a">`,
		"<img src=x onerror=alert(1)>":                        "",
		"<iframe src=https://a.b></iframe>x":                  "x",
		"<form><input name=a><button>b</button></form>":       "b",
		"<style>p{color:red}</style><p>x</p>":                 "<p>x</p>",
		"<svg><script>x</script></svg>y":                      "y",
		"<math><mi>x</mi></math>":                             "x",
		"<object data=x></object><embed src=x>":               "",
		"<!-- c --><p>x":                                      "<p>x",
		"<td width=10% colspan=2 bgcolor=red>x</td>":          `<td width="10%" colspan="2">x</td>`,
		"<h4>x</h4><div>y</div>":                              "xy",
		"{{ 7 * 7 }}{% include 'x' %}":                        "{{ 7 * 7 }}{% include &#39;x&#39; %}",
	} {
		if got := content.HTMLOf(content.Item{Body: body, Format: content.HTML}); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestWriterTakesHarmlessExtrasOnly(t *testing.T) {
	t.Parallel()
	w := content.NewWriter("h4", "script", "iframe", "style")
	got, err := w.HTML(content.Item{Body: "<h4>a</h4><script>b</script><iframe>c</iframe>", Format: content.HTML})
	if err != nil || got != "<h4>a</h4>" {
		t.Errorf("got %s, %v", got, err)
	}
	// What may be added is written out with nothing on it that runs, and its text stands apart from what is beside it.
	for _, name := range content.ExtraElements() {
		got, err := content.NewWriter(name).HTML(content.Item{Body: "<" + name + ` onclick="x" style="x">a</` + name + ">", Format: content.HTML})
		if want := "<" + name + ">a</" + name + ">"; err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	for fragment, want := range map[string]string{
		"<h1>A</h1><p>b <em>c</em>\n d</p><p>e<br>f</p>":                                                          "A\n\nb c d\n\ne\nf",
		"<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul>x":                                             "- a\n- b\n  1. c\n  2. d\n\nx",
		`<a href="https://a.b/">text</a>, <a href="https://a.b">https://a.b</a> <a href="mailto:a@b.c">a@b.c</a>`: "text (https://a.b/), https://a.b a@b.c",
		`<a href="https://a.b"><img src=x></a>`:                                                                   "https://a.b",
		`<p>a <img src=x alt="pic"> b</p>`:                                                                        "a pic b",
		"<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>":                               "a b\n1 2",
		"<pre>a\n  b</pre>": "a\n  b",
		"<section>a</section><article>b</article><center>c</center>":                  "a\n\nb\n\nc",
		"<dl><dt>a</dt><dd>b</dd></dl>c<figure>d<figcaption>e</figcaption></figure>f": "a\nb\n\nc\n\nd\ne\n\nf",
		"&lt;b&gt; &amp; &quot;x&quot;":                                               `<b> & "x"`,
		"<style>x</style><script>y</script>z":                                         "z",
		"":                                                                            "",
	} {
		if got := content.PlainText(fragment); got != want {
			t.Errorf("%s\n got %q\nwant %q", fragment, got, want)
		}
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("# a <b onclick=x>", true)
	f.Add("<a href=javascript:x><svg/onload=x>", false)
	f.Fuzz(func(t *testing.T, body string, markdown bool) {
		format := content.HTML
		if markdown {
			format = content.Markdown
		}
		item := content.Item{Body: body, Format: format}
		out := content.HTMLOf(item)
		content.TextOf(item)
		for _, bad := range []string{"<script", "<iframe", "<style", "<svg", "<form", "<object", "<base", "<meta", "<link"} {
			if strings.Contains(strings.ToLower(out), bad) {
				t.Fatalf("%q lets %s through: %s", body, bad, out)
			}
		}
	})
}
