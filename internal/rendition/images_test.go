package rendition_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/rendition"
)

var logo, photo = ident.New(), ident.New()

func TestNamingImages(t *testing.T) {
	t.Parallel()
	for source, problems := range map[string]int{
		`<p>{{ subscriber.name }}</p><img alt="{{ item.title }}" src="asset:` + logo.String() + `">`:                       0,
		`<IMG SRC=' Asset:` + strings.ToUpper(logo.String()) + `'><img src=asset:` + logo.String() + `>`:                   0,
		`{% if subscriber.name %}<img{% if true %} class="x"{% endif %} src="asset&#58;` + logo.String() + `">{% endif %}`: 0,
		`<img src="asset:` + logo.String() + `"><img src="asset:{{ data.id }}">`:                                           1,
		`<img src="asset:` + logo.String() + `"><img src="asset:logo.png">`:                                                1,
		`<img src="asset:` + logo.String() + `"><a href="asset:` + photo.String() + `">x</a>`:                              1,
		`<td background="asset:` + photo.String() + `"><img src="asset:` + logo.String() + `" srcset="asset:x">`:           2,
	} {
		images, found := rendition.TemplateImages(source)
		if !reflect.DeepEqual(images, []ident.UID{logo}) || len(found) != problems {
			t.Errorf("%s\nshows %v, and has the problems %q", source, images, found)
		}
	}
	for _, source := range []string{"{% if", `<img src="https://example.org/asset:x">`, `asset:x <p title="an asset">`} {
		if images, found := rendition.TemplateImages(source); len(images)+len(found) > 0 {
			t.Errorf("%s\nshows %v, and has the problems %q", source, images, found)
		}
	}
	images, problems := rendition.ItemImages(content.Item{Format: content.Markdown, Body: "![a](asset:" + logo.String() + ") {{ ![b](asset:b.png)"})
	if !reflect.DeepEqual(images, []ident.UID{logo}) || len(problems) != 1 || !strings.Contains(problems[0], `"asset:b.png"`) {
		t.Errorf("the item shows %v, and has the problems %q", images, problems)
	}
}

// illustrated is input whose template shows the logo, its first item the photo and the logo, and its second the photo.
func illustrated(t testing.TB, channel string) rendition.Input {
	in := input(t, channel)
	if in.Template.HTML != "" {
		in.Template.HTML = `<style>img{border:0}</style><img src="asset:` + logo.String() + `" alt="x">` +
			`{% for item in items %}<h1>{{ item.title }}</h1>{{ item.html }}{% endfor %}`
	}
	in.Items[0].Body = "![a](asset:" + photo.String() + ") ![b](asset:" + logo.String() + ")"
	in.Items[1].Body = `<img src="asset:` + photo.String() + `" alt="">`
	return in
}

func TestImagesGoWithTheMail(t *testing.T) {
	t.Parallel()
	c := compiled(t, illustrated(t, "email"))
	logoAt, photoAt := `src="cid:`+rendition.ContentID(logo)+`"`, `src="cid:`+rendition.ContentID(photo)+`"`
	for name, tc := range map[string]struct {
		chosen        []int
		logos, photos int
		images        []ident.UID
	}{
		"both":      {[]int{1, 0}, 2, 2, []ident.UID{logo, photo}},
		"only this": {[]int{2}, 1, 0, []ident.UID{logo}},
	} {
		got, err := c.Render(anna, tc.chosen, own)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(got.HTML, logoAt) != tc.logos || strings.Count(got.HTML, photoAt) != tc.photos ||
			strings.Contains(got.HTML, "asset:") || strings.Contains(got.HTML, "presswork-") || !reflect.DeepEqual(got.Images, tc.images) {
			t.Errorf("%s: images %v\n%s", name, got.Images, got.HTML)
		}
	}
	public := own
	public.Images = "https://h/p/a/"
	got, err := c.Render(anna, nil, public)
	if err != nil || strings.Count(got.HTML, `src="https://h/p/a/`+photo.String()+`"`) != 2 || len(got.Images) != 0 || strings.Contains(got.HTML, "cid:") {
		t.Errorf("%v, images %v\n%s", err, got.Images, got.HTML)
	}
}

func TestImagesOfBroadcastsArePublic(t *testing.T) {
	t.Parallel()
	in := illustrated(t, "slack")
	in.Track, in.Images = false, "https://h/p/a/"
	r, err := rendition.Prepare(in)
	if err != nil || !reflect.DeepEqual(r.Images, []ident.UID{photo, logo}) || r.Items[1].HTML != `<img src="https://h/p/a/`+photo.String()+`" alt="">` {
		t.Errorf("%v, %v, %s", err, r.Images, r.Items[1].HTML)
	}
	if n := r.Heaviest(5, func(int) int64 { return 1 }); n != 0 {
		t.Errorf("its images weigh %d", n)
	}
}

func TestHeaviest(t *testing.T) {
	t.Parallel()
	r, err := rendition.Prepare(illustrated(t, "email"))
	if err != nil || !reflect.DeepEqual(r.Images, []ident.UID{logo, photo}) {
		t.Fatal(err, r.Images)
	}
	weight := func(image int) int64 { return []int64{1, 100}[image] } // of the logo and the photo
	for items, want := range map[int]int64{0: 1, 1: 1 + 101, 2: 1 + 101 + 100, 9: 1 + 101 + 100} {
		if got := r.Heaviest(items, weight); got != want {
			t.Errorf("with %d items: %d, not %d", items, got, want)
		}
	}
}

// What says nothing fails the whole rendition: no broken mail leaves.
func TestImagesThatSayNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rendition.Input){
		"template": func(in *rendition.Input) { in.Template.HTML = `<img src="asset:{{ data.x }}">` },
		"item":     func(in *rendition.Input) { in.Items[0].Body = "![a](asset:x)" },
		"untracked item": func(in *rendition.Input) {
			in.Items[0].Body, in.Track = "![a](asset:x)", false
		},
	} {
		in := input(t, "email")
		change(&in)
		if _, err := rendition.Prepare(in); !fault.Is(err, fault.GiveUp) || fault.CodeOf(err) != "bad_asset" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Readers cannot have images shown by what they write.
func TestReadersNameNoImages(t *testing.T) {
	t.Parallel()
	in := illustrated(t, "email")
	in.Template.HTML += "{{ subscriber.name }}"
	evil := anna
	evil.Name = `presswork-image:99 presswork-image: <img src="asset:` + photo.String() + `">`
	got, err := compiled(t, in).Render(evil, []int{2}, own)
	if err != nil || len(got.Images) != 1 || strings.Contains(got.HTML, "<img src=\"asset") {
		t.Errorf("%v, %v\n%s", err, got.Images, got.HTML)
	}
}
