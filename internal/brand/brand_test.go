package brand_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/brand"
	"github.com/presswork/presswork/internal/fault"
)

const logoID = "01985a1e-7c00-7000-8000-000000000005"

func TestCheckNormalises(t *testing.T) {
	t.Parallel()
	got, err := brand.Brand{
		Name: " The Daily ", Logo: " ASSET:" + strings.ToUpper(logoID), Color: " #1A56C4", LinkColor: "#000", PostalAddress: "1 Street\r\nTown\n",
		WebsiteURL: " https://daily.example ", SupportEmail: "Help@DAILY.example", Language: "pt_br",
	}.CheckNew()
	if want := []string{"/link_color format"}; !slices.Equal(problems(t, err), want) {
		t.Fatalf("%v, want %q", err, want)
	}
	got.LinkColor = ""
	if got, err = got.CheckNew(); err != nil {
		t.Fatal(err)
	}
	want := brand.Brand{Slug: "the daily", Name: "The Daily", Logo: "asset:" + logoID, Color: "#1a56c4", PostalAddress: "1 Street\nTown",
		WebsiteURL: "https://daily.example", SupportEmail: "help@daily.example", Language: "pt-BR"}
	if got != want {
		t.Errorf("got %+v", got)
	}
	again, err := got.Check()
	if err != nil || again != got {
		t.Errorf("checked again: %+v, %v", again, err)
	}
	if uid, ok := got.LogoAsset(); !ok || uid.String() != logoID || got.LogoURL("https://house.example/p/a/") != "https://house.example/p/a/"+logoID {
		t.Errorf("the logo is %v", uid)
	}
	if got.Logo = "https://daily.example/l.png"; got.LogoURL("https://house.example/p/a/") != got.Logo {
		t.Errorf("a logo from elsewhere is shown from %s", got.LogoURL("x"))
	}
}

func TestCheckCollectsEveryProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   brand.Brand
		want []string
	}{
		"nothing": {brand.Brand{}, []string{"/name required", "/postal_address required"}},
		"everything": {brand.Brand{
			Name: strings.Repeat("x", 101), Slug: "a/b", Logo: "http://x.example/logo.png", Color: "red", LinkColor: "#ffff00", PostalAddress: "a\x00",
			WebsiteURL: "javascript:alert(1)", PrivacyURL: "https://me:pass@x.example", ImprintURL: "/imprint", SupportEmail: "x", Language: "klingonish",
		}, []string{
			"/name too_long", "/slug format", "/logo format", "/color format", "/link_color contrast", "/postal_address format",
			"/website_url url", "/privacy_url url", "/imprint_url url", "/support_email format", "/language language",
		}},
		"the logo of no asset": {brand.Brand{Name: "x", PostalAddress: "x", Logo: "asset:x"}, []string{"/logo format"}},
		"a name of signs":      {brand.Brand{Name: "!", PostalAddress: "x"}, []string{"/slug required"}},
		"two lines":            {brand.Brand{Name: "a\nb", PostalAddress: strings.Repeat("ä", 501)}, []string{"/name format", "/postal_address too_long"}},
		"a long address":       {brand.Brand{Name: "x", PostalAddress: "x", WebsiteURL: "https://x.example/" + strings.Repeat("a", 2048)}, []string{"/website_url url"}},
	} {
		_, err := c.in.CheckNew()
		if got := problems(t, err); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func problems(t *testing.T, err error) []string {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("%v is no Invalid", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Pointer+" "+f.Code)
	}
	return got
}

// TestContrast has figures of WCAG's own: black on white, equal colours, and the lightest grey that is read on white.
func TestContrast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21}, {"#ffffff", "#000000", 21}, {"#777777", "#777777", 1}, {"#767676", "#ffffff", 4.54},
		{"#777777", "#ffffff", 4.48}, {"#ff0000", "#ffffff", 4.00}, {"red", "#ffffff", 1}, {"#fffffg", "#000000", 1},
	} {
		if got := brand.Contrast(c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// TestTextIsReadable: on whatever colour, the text that is chosen can be read.
func TestTextIsReadable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := brand.Brand{Color: fmt.Sprintf("#%06x", rapid.IntRange(0, 0xffffff).Draw(t, "color"))}
		text := b.TextColor()
		other := map[string]string{"#000000": "#ffffff", "#ffffff": "#000000"}[text]
		if got := brand.Contrast(text, b.Color); got < brand.Readable || got < brand.Contrast(other, b.Color) {
			t.Fatalf("%s on %s: %.2f to 1", text, b.Color, got)
		}
	})
	if got := (brand.Brand{}).TextColor(); got != "" {
		t.Errorf("no colour has the text colour %q", got)
	}
}

// FuzzBrand: whatever is accepted is accepted again as it is, and holds nothing that would leave an attribute or a style.
func FuzzBrand(f *testing.F) {
	f.Add("The Daily", "daily", "asset:"+logoID, "#1A56C4", "https://x.example/?a=b&c", "help@x.example", "de")
	f.Add("\xff", "a b", "https://x.example/l.png", "#00000", "http://[::1]/", "\"a b\"@x.example", "en-u-co-phonebk")
	f.Fuzz(func(t *testing.T, name, slug, logo, color, address, email, language string) {
		b, err := brand.Brand{Name: name, Slug: slug, Logo: logo, Color: color, PostalAddress: name, WebsiteURL: address, PrivacyURL: address,
			ImprintURL: address, SupportEmail: email, Language: language}.CheckNew()
		if err != nil {
			return
		}
		if again, err := b.CheckNew(); err != nil || again != b {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
		if strings.Trim(b.Color, "#0123456789abcdef") != "" || strings.ContainsAny(b.Name, "\n\x00") {
			t.Fatalf("%+v was accepted", b)
		}
		for _, link := range []string{b.WebsiteURL, b.Logo} {
			if link != "" && !strings.HasPrefix(strings.ToLower(link), "http") && !strings.HasPrefix(link, "asset:") {
				t.Fatalf("%q was accepted", link)
			}
		}
	})
}
