package content_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/fault"
)

func TestNewCollectsEveryError(t *testing.T) {
	t.Parallel()
	_, err := content.New(content.Item{
		Title: " ", Summary: strings.Repeat("x", 1001), Body: strings.Repeat("ä", 50_001), Format: "docx",
		Topics: []string{"ok", "not/ok", strings.Repeat("x", 101), " "}, Language: "not a language",
		URL: "ftp://example.org", Quality: 1.5,
	})
	want := []string{"/title", "/summary", "/body", "/format", "/topics/1", "/topics/2", "/topics/3", "/language", "/url", "/quality"}
	if got := pointers(t, err); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// pointers are those of an Invalid error, in order.
func pointers(t *testing.T, err error) []string {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("got %v", err)
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Pointer)
	}
	return out
}

func TestTitleIsOneLine(t *testing.T) {
	t.Parallel()
	_, err := content.New(content.Item{Title: "a\r\nBcc: x@y.z", Body: "b"})
	if got := pointers(t, err); !slices.Equal(got, []string{"/title"}) {
		t.Errorf("got %v", got)
	}
}

func TestNewNormalises(t *testing.T) {
	t.Parallel()
	item, err := content.New(content.Item{
		Title: " T ", Body: strings.Repeat("ä", 50_000), Topics: []string{" Go  Lang", "go lang", "ÉTÉ", "E\u0301te\u0301", "a-b_c 1"},
		Language: "PT-br", URL: "https://example.org/a?b=c",
	})
	if err != nil {
		t.Fatal(err)
	}
	if item.Title != "T" || !slices.Equal(item.Topics, []string{"go lang", "été", "a-b_c 1"}) ||
		item.Language != "pt-BR" || item.Format != content.Markdown || item.Version != 1 {
		t.Errorf("got %+v", item)
	}
	item.ID, item.UID = 7, "u"
	next, err := item.Change(content.Item{Title: "U", Body: "b", Format: content.HTML})
	if err != nil || next.Version != 2 || next.ID != 7 || next.UID != "u" || next.Title != "U" {
		t.Errorf("got %+v, %v", next, err)
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"": true, "http://a.b": true, "https://example.org/x#y": true, "javascript:alert(1)": false, "//a.b": false,
		"/a": false, "https://": false, "https://u:p@a.b": false, "https://a.b/" + strings.Repeat("x", 2048): false, "https://a b": false,
	} {
		_, err := content.New(content.Item{Title: "t", Body: "b", URL: address})
		if (err == nil) != ok {
			t.Errorf("%.40s: %v", address, err)
		}
	}
}

func TestTooManyTopics(t *testing.T) {
	t.Parallel()
	_, err := content.New(content.Item{Title: "t", Body: "b", Topics: make([]string, 51)})
	if got := pointers(t, err); !slices.Equal(got, []string{"/topics"}) {
		t.Errorf("got %v", got)
	}
}
