package rendition_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/quoted"
	"github.com/presswork/presswork/internal/rendition"
)

// both compiles a rendition with moulds and without.
func both(t testing.TB, r rendition.Rendition) (moulded, direct *rendition.Compiled) {
	t.Helper()
	e := engine(t)
	for _, into := range []struct {
		c      **rendition.Compiled
		moulds *rendition.Moulds
	}{{&moulded, rendition.NewMoulds()}, {&direct, nil}} {
		c, err := rendition.Compile(e, r, into.moulds)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, r.HTML, r.Text)
		}
		*into.c = c
	}
	return moulded, direct
}

// paths are what a generated template may say of a reader; some are there, some are not, some are no text.
var paths = []string{
	"subscriber.name", "subscriber.first_name", "subscriber.email", "subscriber.language", "subscriber.topics", "subscriber.nothing",
	"subscriber.attributes.city", `subscriber.attributes["city"]`, "subscriber.attributes.age", "subscriber.attributes.vip",
	"subscriber.attributes.inner.deep", "subscriber.attributes.inner", "subscriber.topics[0]", "subscriber.name.first",
	"links.unsubscribe", "links.archive", "links.preferences", "links.nothing",
}

// fragments are what a template is made of; %s is a path.
var fragments = []string{
	"{{ %s }}", "{{- %s -}}", "{{ %s or 'you' }}", "{{ %s and 'there' }}", "{{ %s|default('none') }}", "{{ %s|d('none', true) }}",
	"{{ 'yes' if %s else 'no' }}", "{{ %s|upper }}", "{{ %s|length if %[1]s is defined else 0 }}", "{{ %s ~ '!' }}", "{{ %s == 'Ann' }}",
	"{%% if %s %%}+{{ %[1]s }}{%% else %%}-{%% endif %%}", "{%% if not %s %%}none{%% elif true %%}some{%% endif %%}",
	"{%% if %s is defined %%}d{%% endif %%}", "{%% if %s in ['Ann', 'x'] %%}in{%% endif %%}", "{%% set x = %s %%}{{ x }}",
	"{%% set x %%}<{{ %s }}>{%% endset %%}{{ x|upper }}", "{%% filter upper %%}{{ %s }}{%% endfilter %%}",
	"{%% macro m() %%}{{ %s }}{%% endmacro %%}{{ m()|reverse }}", "{%% for c in %s %%}{{ c }},{%% endfor %%}",
	"{%% for i in items %%}{{ loop.index }}{{ i.title }}{{ %s }}{%% endfor %%}", `<a href="{{ %s }}">x</a>`, `<img alt="{{ %s }}">`,
	`{%% with y = %s %%}{{ y }}{%% endwith %%}`, "{{ (%s).strip() if %[1]s is string else '' }}", "{{ item.html }}{{ %s }}",
	"{%% for i in items if %s %%}{{ i.title }}{%% endfor %%}",
}

func anyTemplate(t *rapid.T, label string) string {
	var b strings.Builder
	for i := range rapid.IntRange(0, 4).Draw(t, label) {
		fragment := rapid.SampledFrom(fragments).Draw(t, fmt.Sprint(label, i))
		b.WriteString(" text & ")
		fmt.Fprintf(&b, fragment, rapid.SampledFrom(paths).Draw(t, fmt.Sprint(label, "path", i)))
	}
	return b.String()
}

var someText = []string{"", "Ann", "Bo <b>&\"'", "two  words", "https://example.org/?a=1&b=2", "javascript:alert(1)", "a\r\nb", "blank0001", "日本"}

func anyReader(t *rapid.T, n int) (rendition.Recipient, rendition.Links) {
	text := func(label string) string { return rapid.SampledFrom(someText).Draw(t, fmt.Sprint(label, n)) }
	attributes := map[string]any{}
	for name, values := range map[string][]any{
		"city": {nil, "", "Ann", "Graz & Wien", 7.0, []any{"x"}}, "age": {nil, 41.0, 1.5, "old"}, "vip": {nil, true, false},
		"inner": {nil, "Ann", map[string]any{"deep": "down"}, map[string]any{"deep": ""}},
	} {
		if v := rapid.SampledFrom(values).Draw(t, fmt.Sprint(name, n)); v != nil {
			attributes[name] = v
		}
	}
	links := rendition.Links{
		Unsubscribe: "https://h/u/" + fmt.Sprint(n), Archive: rapid.SampledFrom([]string{"", "https://h/n/1"}).Draw(t, fmt.Sprint("archive", n)),
		Click: rapid.SampledFrom([]string{"", "https://h/t/c/" + fmt.Sprint(n) + "/"}).Draw(t, fmt.Sprint("click", n)),
		Open:  rapid.SampledFrom([]string{"", "https://h/t/o/a&" + fmt.Sprint(n)}).Draw(t, fmt.Sprint("open", n)),
	}
	return rendition.Recipient{
		ID: fmt.Sprint("s", n), Email: text("email"), Name: text("name"), FirstName: text("first"), Language: text("language"),
		Topics: rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}}).Draw(t, fmt.Sprint("topics", n)), Attributes: attributes,
	}, links
}

// Whatever a template does with what is a reader's own: a message made in a mould is the one that the template writes.
func TestMouldsChangeNothing(t *testing.T) {
	t.Parallel()
	base, err := rendition.Prepare(input(t, "newsletter"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := base
		r.Subject, r.Text = anyTemplate(rt, "subject"), anyTemplate(rt, "text")
		if rapid.Bool().Draw(rt, "own html") {
			r.HTML = `<p><a href="presswork-click:0">x</a>` + anyTemplate(rt, "html") + `<img src="presswork-open:0"></p>`
		}
		moulded, direct := both(t, r)
		for n := range rapid.IntRange(1, 8).Draw(rt, "readers") {
			who, links := anyReader(rt, n)
			chosen := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(rt, fmt.Sprint("chosen", n))
			want, wantErr := direct.Render(who, chosen, links)
			got, err := moulded.Render(who, chosen, links)
			if (err == nil) != (wantErr == nil) {
				rt.Fatalf("with moulds: %v, without: %v", err, wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				rt.Fatalf("%+v\nwith moulds:\n%+v\nwithout:\n%+v", who, got, want)
			}
			if wantErr == nil {
				checkMailed(rt, moulded, who, chosen, links, want)
			}
		}
	})
}

// checkMailed holds that what is mailed decodes to what is wanted; attributes are left out if the templates read none.
func checkMailed(t *rapid.T, c *rendition.Compiled, who rendition.Recipient, chosen []int, links rendition.Links, want rendition.Rendered) {
	if !c.ReadsAttributes() {
		who.Attributes = nil
	}
	m, err := c.Mail(&who, chosen, &links)
	if err != nil || m.Subject != want.Subject || !reflect.DeepEqual(m.Images, want.Images) {
		t.Fatalf("mailed %+v, %v", m, err)
	}
	for _, part := range []struct {
		text quoted.Text
		want string
	}{{m.HTML, want.HTML}, {m.Text, want.Text}} {
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(part.text.Append(nil))))
		lines := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(part.want)
		if err != nil || string(decoded) != lines {
			t.Fatalf("mailed %q, %v\nnot %q", decoded, err, lines)
		}
	}
}

// The built-in templates run once for readers who get the same items.
func TestMouldsServeMany(t *testing.T) {
	t.Parallel()
	for _, channel := range []string{"email", "newsletter"} {
		r, err := rendition.Prepare(input(t, channel))
		if err != nil {
			t.Fatal(err)
		}
		moulds := rendition.NewMoulds()
		c, err := rendition.Compile(engine(t), r, moulds)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			who, links := anna, own
			who.ID, who.Name, who.FirstName = fmt.Sprint("s", i), fmt.Sprint("Reader ", i), fmt.Sprint("R<", i)
			links.Unsubscribe = fmt.Sprint("https://h/u/", i)
			out, err := c.Render(who, []int{i % 2}, links)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.HTML, fmt.Sprintf("Hallo R&lt;%d,", i)) || !strings.Contains(out.Text, fmt.Sprintf("Hallo R<%d,", i)) ||
				!strings.Contains(out.HTML, fmt.Sprintf(`"https://h/u/%d"`, i)) {
				t.Fatalf("reader %d got\n%s", i, out.HTML)
			}
		}
		if made := c.MouldsMade(); made != 2 {
			t.Errorf("%s: %d moulds for two choices of items", channel, made)
		}
	}
}

// Renditions share what keeps their moulds, and neither their moulds nor, once nobody else needs it, a rendition itself.
func TestMouldsKeepNoRendition(t *testing.T) {
	t.Parallel()
	moulds := rendition.NewMoulds()
	gone := make(chan string, 2)
	for _, title := range []string{"One", "Two"} {
		in := input(t, "email")
		in.Publication.Title = title
		r, err := rendition.Prepare(in)
		if err != nil {
			t.Fatal(err)
		}
		c, err := rendition.Compile(engine(t), r, moulds)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := c.Render(anna, nil, own); err != nil || out.Subject != title {
			t.Errorf("%s: %q, %v", title, out.Subject, err)
		}
		runtime.AddCleanup(c, func(title string) { gone <- title }, title)
	}
	left := 2
	for range 2000 { // collections, until both are found to be garbage
		runtime.GC()
		select {
		case <-gone:
			left--
		default:
		}
		if left == 0 {
			break
		}
	}
	if left > 0 {
		t.Errorf("%d renditions are still in memory", left)
	}
	runtime.KeepAlive(moulds)
}

// A template that looks at every reader's name closely is not worth moulds; it goes on without.
func TestMouldsAreGivenUp(t *testing.T) {
	t.Parallel()
	r, err := rendition.Prepare(input(t, "email"))
	if err != nil {
		t.Fatal(err)
	}
	r.Subject = "{{ subscriber.name|upper }}"
	moulded, _ := both(t, r)
	for i := range 1500 {
		who := anna
		who.Name = fmt.Sprint("Reader ", i)
		if out, err := moulded.Render(who, nil, own); err != nil || out.Subject != fmt.Sprint("READER ", i) {
			t.Fatalf("%q, %v", out.Subject, err)
		}
	}
	if made := moulded.MouldsMade(); made != 1024 {
		t.Errorf("%d moulds were made for 1500 readers", made)
	}
}

func BenchmarkMoulds(b *testing.B) {
	r, err := rendition.Prepare(input(b, "email"))
	if err != nil {
		b.Fatal(err)
	}
	moulded, direct := both(b, r)
	for name, c := range map[string]*rendition.Compiled{"moulds": moulded, "direct": direct} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Mail(&anna, []int{1, 0}, &own); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
