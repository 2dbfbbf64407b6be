package content_test

import (
	"testing"

	"github.com/presswork/presswork/internal/content"
)

// Uploaded images are named by the src of an img and by nothing else.
func TestUploadedImages(t *testing.T) {
	t.Parallel()
	const uid = "0190b5a0-0000-7000-8000-00000000000a"
	for body, want := range map[string]string{
		"<img src='asset:" + uid + "' alt=a>":                `<img src="asset:` + uid + `" alt="a">`,
		"<img src=ASSET:" + uid + ">":                        `<img src="asset:` + uid + `">`,
		"<a href='asset:" + uid + "'>x</a>":                  "x",
		"<a href=' asset:" + uid + "'>x</a>":                 "x",
		"<a href='\u00a0https://a.b'>x</a>":                  `<a href="https://a.b">x</a>`,
		"<td background='asset:" + uid + "'>x</td>":          "<td>x</td>",
		"<p style='background:url(asset:" + uid + ")'>x":     "<p>x",
		"<img srcset='asset:" + uid + "'>":                   "",
		"<video src='asset:" + uid + "'></video>x":           "x",
		"<blockquote cite='asset:" + uid + "'></blockquote>": "<blockquote></blockquote>",
	} {
		if got := content.HTMLOf(content.Item{Body: body, Format: content.HTML}); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
	if got := content.HTMLOf(content.Item{Body: "![logo](asset:" + uid + ")", Format: content.Markdown}); got != `<p><img src="asset:`+uid+`" alt="logo"></p>` {
		t.Errorf("got %s", got)
	}
}
