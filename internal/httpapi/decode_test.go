package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// sample has a field of every type that bodies have.
type sample struct {
	Text    string            `json:"text"`
	Whole   int16             `json:"whole"`
	Real    float64           `json:"real"`
	Yes     bool              `json:"yes"`
	ID      ident.UID         `json:"id"`
	At      *time.Time        `json:"at"`
	List    []string          `json:"list"`
	Map     map[string]string `json:"map"`
	Any     map[string]any    `json:"any"`
	Nested  []inner           `json:"nested"`
	Pointer *inner            `json:"pointer"`
}

type inner struct {
	A int `json:"a"`
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	var got sample
	err := decodeJSON([]byte(`{"text":"ä","whole":-3,"real":1e3,"yes":true,"id":"0198c0de-0000-7000-8000-000000000000",
		"at":"2026-01-02T03:04:05Z","list":["a"],"map":{"k":"v"},"any":{"x":[9007199254740992,0.1234567890123456789,1e300,null,{"y":"z"}]},"nested":[{"a":1}],"pointer":null}`), &got, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "ä" || got.Whole != -3 || got.Real != 1000 || !got.Yes || got.ID.IsZero() || got.At == nil || len(got.Nested) != 1 {
		t.Errorf("got %+v", got)
	}
	if err := decodeJSON([]byte(`{"list":null,"map":null,"any":null,"at":null}`), &got, nil); err != nil {
		t.Errorf("null: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"any":`, 1) + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`
	for name, body := range map[string]string{
		"nothing": "", "spaces": "  ", "cut": `{"text":"a`, "word": "hello", "trailing": `{} {}`, "trailing brace": `{}}`,
		"comma": `{"text":"a",}`, "single quotes": `{'text':'a'}`, "not UTF-8": "{\"text\":\"\xff\"}", "deep": deep, "NaN": `{"real":NaN}`,
		"key missing": `{:1}`, "two keys": `{"text":"a" "b":1}`, "half": `{"text"`, "open list": `{"list":[`,
	} {
		if err := decodeJSON([]byte(body), new(sample), nil); !fault.Is(err, fault.Malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for body, want := range map[string][]string{
		`[]`:                                      {" wrong_type"},
		`null`:                                    {" wrong_type"},
		`{"text":1,"whole":"1","yes":"true"}`:     {"/text wrong_type", "/whole wrong_type", "/yes wrong_type"},
		`{"text":null,"whole":1.5}`:               {"/text wrong_type", "/whole wrong_type"},
		`{"whole":40000,"real":1e999}`:            {"/whole wrong_type", "/real wrong_type"},
		`{"Text":"a","nope":1}`:                   {"/Text unknown_field", "/nope unknown_field"},
		`{"text":"a","text":"b"}`:                 {"/text duplicate_field"},
		`{"id":"x","at":"yesterday"}`:             {"/id format", "/at format"},
		`{"id":1}`:                                {"/id wrong_type"},
		`{"list":["a",1],"nested":[{},{"b":1}]}`:  {"/list/1 wrong_type", "/nested/1/b unknown_field"},
		`{"list":{},"map":[],"any":1}`:            {"/list wrong_type", "/map wrong_type", "/any wrong_type"},
		`{"map":{"a/b~c":1},"pointer":{"a":"1"}}`: {"/map/a~1b~0c wrong_type", "/pointer/a wrong_type"},
		`{"text":"a\u0000b"}`:                     {"/text format"},
		`{"any":{"k\u0000":[1e999]}}`:             {"/any/k\x00 format", "/any/k\x00/0 wrong_type"},
		`{"any":{"id":9007199254740993}}`:         {"/any/id wrong_type"},
		`{"any":{"id":[-12345678901234567890]}}`:  {"/any/id/0 wrong_type"},
		`{"":1}`:                                  {"/ unknown_field"},
	} {
		err := decodeJSON([]byte(body), new(sample), nil)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got := faults(err); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestDecodeTellsABoundedNumberOfProblems(t *testing.T) {
	t.Parallel()
	err := decodeJSON([]byte(`{"list":[`+strings.Repeat("1,", 5000)+`1]}`), new(sample), nil)
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Fields) != maxFieldErrors {
		t.Errorf("%d problems", len(e.Fields))
	}
}

func TestAnswersTellABoundedNumberOfProblems(t *testing.T) {
	t.Parallel()
	var f fault.Fields
	for i := range 2 * maxFieldErrors {
		f.Add(fmt.Sprintf("/languages/en/html/%d", i), "unknown_variable", "is not known")
	}
	if p, _ := describe(f.Err()); len(p.Errors) != maxFieldErrors || p.Errors[0].Pointer != "/languages/en/html/0" {
		t.Errorf("%d problems", len(p.Errors))
	}
}

// FuzzDecode: whatever is accepted, encoding/json reads in the same way.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"text":"a","whole":1,"any":{"x":[1,{"y":null}]}}`))
	f.Add([]byte(`{"id":"0198c0de-0000-7000-8000-000000000000","at":"2026-01-02T03:04:05Z","nested":[{"a":1}]}`))
	f.Add([]byte(`{"text":"a","text":"b"} x`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want sample
		err := decodeJSON(body, &got, judge)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if err := json.Unmarshal(body, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %+v, %+v, %v", body, got, want, err)
		}
	})
}

func TestCursor(t *testing.T) {
	t.Parallel()
	text := cursor("topics", 42)
	if id, ok := readCursor("topics", text); !ok || id != 42 {
		t.Errorf("%d, %v", id, ok)
	}
	if _, ok := readCursor("contents", text); ok {
		t.Error("another list takes it")
	}
	for i := range text {
		altered := []byte(text)
		if altered[i]++; altered[i] == 'z'+1 {
			altered[i] = 'a'
		}
		if _, ok := readCursor("topics", string(altered)); ok {
			t.Errorf("altered at %d: taken", i)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(cursor("topics", 1))
	f.Add("AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := readCursor("topics", text); ok && (id <= 0 || cursor("topics", id) != text) {
			t.Errorf("%q is %d", text, id)
		}
	})
}
