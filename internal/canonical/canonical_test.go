package canonical_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/presswork/presswork/internal/canonical"
)

func TestTopic(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Go": "go", " World \t News ": "world news", "a-b_c 1": "a-b_c 1", "Cafe\u0301": "café", "CAFÉ": "café",
		"İstanbul": "istanbul", strings.Repeat("e\u0301", 100): strings.Repeat("é", 100),
	} {
		if got, err := canonical.Topic(given); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", given, got, err, want)
		}
	}
}

func TestTopicRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "  ", "a/b", "a.b", "\xff", "😀", strings.Repeat("a", 101), strings.Repeat("a", 1000)} {
		if got, err := canonical.Topic(text); !errors.Is(err, canonical.ErrTopic) {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"en": "en", "PT-br": "pt-BR", "pt_BR": "pt-BR", "zh-hant": "zh-Hant", "i-klingon": "tlh",
	} {
		if got, err := canonical.Language(given); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", given, got, err, want)
		}
	}
	for _, text := range []string{"", "und", "klingonish", "e", "\xff", "en-x-" + strings.Repeat("abcdefgh-", 3) + "abcdefgh"} {
		if got, err := canonical.Language(text); !errors.Is(err, canonical.ErrLanguage) {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

func FuzzTopic(f *testing.F) { stays(f, canonical.Topic) }

func FuzzLanguage(f *testing.F) { stays(f, canonical.Language) }

// stays is the property that a canonical text is read as itself.
func stays(f *testing.F, read func(string) (string, error)) {
	for _, seed := range []string{"Go", " world news ", "İ", "e\u0301", "ß", "a/b", "\xff", "pt_br", "x-private", "en-u-co-phonebk", "AA-u-00-00-u-00-00-00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := read(text)
		if err != nil {
			return
		}
		if again, err := read(once); err != nil || again != once {
			t.Fatalf("%q became %q, then %q (%v)", text, once, again, err)
		}
	})
}
