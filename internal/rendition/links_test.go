package rendition_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/rendition"
)

func TestTrackLinks(t *testing.T) {
	t.Parallel()
	source := `<a href="https://a.b/?x=1&amp;y=2">1</a><a class=c href='https://c.d'>2</a><a href=https://a.b/?x=1&y=2 id=x>3</a>` +
		`<a href="{{ links.archive }}">4</a><a href="https://a.b/{{ x }}">5</a><a href="mailto:a@b.c">6</a><a href="#top">7</a>` +
		`<a data-notrack href="https://n.t">8</a><a name=x>9</a><area href="https://q.r"><!-- <a href="https://z.z"> -->{% if a %}<A HREF="HTTPS://E.F">10</A>{% endif %}`
	want := `<a href="presswork-click:0">1</a><a class=c href="presswork-click:1">2</a><a href="presswork-click:0" id=x>3</a>` +
		`<a href="{{ links.archive }}">4</a><a href="https://a.b/{{ x }}">5</a><a href="mailto:a@b.c">6</a><a href="#top">7</a>` +
		`<a href="https://n.t">8</a><a name=x>9</a><area href="https://q.r"><!-- <a href="https://z.z"> -->{% if a %}<A HREF="presswork-click:2">10</A>{% endif %}`
	got, links, err := rendition.TrackLinks(source)
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if !slices.Equal(links, []string{"https://a.b/?x=1&y=2", "https://c.d", "HTTPS://E.F"}) {
		t.Errorf("got %v", links)
	}
}

func FuzzTrackLinks(f *testing.F) {
	f.Add(`<a href="https://a.b">x</a>{{ y }}`)
	f.Add(`<a href=https://a.b data-notrack><a href='`)
	f.Fuzz(func(t *testing.T, source string) {
		out, links, err := rendition.TrackLinks(source)
		if err != nil {
			return
		}
		if strings.Contains(strings.ToLower(source), "data-notrack") {
			return // the mark is taken away, and so does not hold a second time
		}
		if len(links) == 0 && out != source {
			t.Fatalf("%q became %q without a link", source, out)
		}
		again, more, err := rendition.TrackLinks(out)
		if err != nil || again != out || len(more) > 0 {
			t.Fatalf("%q is tracked twice: %q %v %v", out, again, more, err)
		}
	})
}
