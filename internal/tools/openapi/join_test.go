package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

const source = "../../httpapi/openapi/source"

// TestUpToDate: what is served is what the sources say.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := run(source, folder, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openapi.json", "page.html"} {
		made, err := os.ReadFile(folder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		served, err := os.ReadFile("../../httpapi/openapi/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, served) {
			t.Errorf("%s is not up to date: go generate ./internal/httpapi/openapi", name)
		}
	}
}

// TestMistakesAreTold: each edit of the sources is a mistake, and is told as such.
func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	sources, err := read(source)
	if err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(topic *object){
		"there is no schema Nothing": func(f *object) {
			f.object("schemas").object("Topic").object("properties").set("x", newObject("$ref", "Nothing"))
		},
		"there is no parameter nothing": func(f *object) { listTopics(f).set("parameters", []any{"nothing"}) },
		"there is no error 499":         func(f *object) { listTopics(f).set("errors", []any{uint64(499)}) },
		"there is no header Nothing": func(f *object) {
			listTopics(f).object("answers").object("200").set("headers", []any{"Nothing"})
		},
		"has no example":                         func(f *object) { f.object("schemas").object("TopicInput").remove("examples") },
		"neither open nor which permission":      func(f *object) { listTopics(f).remove("needs") },
		"is optional and no property":            func(f *object) { f.object("schemas").object("Topic").set("optional", []any{"nothing"}) },
		"no file says what the tag Topics":       func(f *object) { f.remove("about") },
		"not among those of _document.yaml":      func(f *object) { f.set("tag", "Nothing") },
		"schemas Problem is there twice":         func(f *object) { f.object("schemas").set("Problem", newObject()) },
		"the path /api/v1/pauses is there twice": func(f *object) { f.object("paths").set("/api/v1/pauses", newObject()) },
	} {
		files := make(map[string]*object, len(sources))
		for name, file := range sources {
			files[name], _ = copied(file).(*object)
		}
		edit(files["topic"])
		if _, err := join(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// copied is what a value is, and shares nothing with it. Reading the sources anew takes half a second with the race detector.
func copied(value any) any {
	switch v := value.(type) {
	case *object:
		o := newObject()
		for _, name := range v.names {
			o.set(name, copied(v.values[name]))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = copied(v[i])
		}
		return list
	default:
		return value
	}
}

func listTopics(f *object) *object { return f.object("paths").object("/api/v1/topics").object("get") }

func TestProseIsEscaped(t *testing.T) {
	t.Parallel()
	if got := string(prose("a `<b>` and **c** <d>\n\ne")); got != "<p>a <code>&lt;b&gt;</code> and <strong>c</strong> &lt;d&gt;</p>\n<p>e</p>\n" {
		t.Error(got)
	}
}

// TestPageTells what a stranger has to know besides the operations: how to show a credential, what headers mean, and which
// properties are always there.
func TestPageTells(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../httpapi/openapi/page.html") // TestUpToDate: it is what the page is now
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, what := range []string{"<code>Authorization: Bearer …</code>", "<code>X-API-Key: …</code>", "<tr><td>Retry-After</td>", "<tr><td>X-Correlation-ID *</td>"} {
		if !strings.Contains(page, what) {
			t.Errorf("the page does not have %s", what)
		}
	}
	if strings.Contains(page, "<tr><td></td>") || strings.Contains(page, "<td>Target") {
		t.Error("a header has no name, or none that is sent")
	}
	_, topic, _ := strings.Cut(page, `<article id="schema-topic">`)
	topic, _, _ = strings.Cut(topic, "</article>")
	for _, always := range []string{"id", "slug", "name", "version", "created_at"} {
		if !strings.Contains(topic, "<td>"+always+" *</td>") {
			t.Errorf("nothing says that %s of a topic is always there", always)
		}
	}
}
