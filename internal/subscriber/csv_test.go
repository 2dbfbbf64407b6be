package subscriber_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/subscriber"
)

func readCSV(t testing.TB, file string) *subscriber.Import {
	t.Helper()
	got, err := subscriber.ReadCSV(strings.NewReader(file), subscriber.Options{ConsentSource: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	got := readCSV(t, "\xef\xbb\xbfName, EMAIL ,topics,attr.City,status,consent_source,language,timezone\r\n"+
		"\"Doe, Anna\",Anna@X.org,Go; art|go;,Faro,Active,form,de,Europe/Berlin\r\n"+
		"\r\n"+
		",b@x.org,,,,,,\r\n")
	if got.Bad != 0 || got.Lines != 2 || len(got.Subscribers) != 2 {
		t.Fatalf("got %+v", got)
	}
	want := subscriber.Subscriber{
		Email: "anna@x.org", Name: "Doe, Anna", Language: "de", Timezone: "Europe/Berlin", Status: subscriber.Active,
		Topics: []string{"art", "go"}, Attributes: map[string]any{"City": "Faro"}, ConsentSource: "form",
	}
	if !reflect.DeepEqual(got.Subscribers[0], want) {
		t.Errorf("got %+v\nwant %+v", got.Subscribers[0], want)
	}
	second := got.Subscribers[1]
	if second.Email != "b@x.org" || second.Language != "" || second.Status != "" || len(second.Topics)+len(second.Attributes) != 0 {
		t.Errorf("what is empty must stay empty: %+v", second)
	}
}

func TestReadCSVReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"empty":            {"", "1  required"},
		"blank":            {"\n\n", "1  required"},
		"no email":         {"name\nAnna\n", "1 email required"},
		"no header":        {"anna@x.org,Anna\n", "1 column 1 unknown_column; 1 column 2 unknown_column; 1 email required"},
		"semicolons":       {"email;name\nanna@x.org;Anna\n", "1 column 1 csv_syntax; 1 email required"},
		"tabs":             {"email\tname\nanna@x.org\tAnna\n", "1 column 1 csv_syntax; 1 email required"},
		"UTF-16":           {"\xff\xfee\x00m\x00a\x00i\x00l\x00\n\x00", "1 column 1 encoding; 1 email required"},
		"column twice":     {"email,Email\n", "1 column 2 duplicate"},
		"attribute's name": {"email,attr.no good\n", "1 column 2 unknown_column"},
		"bad address":      {"email\nok@x.org\nanna@\n", "3 email format"},
		"no address":       {"email,name\n,Anna\n", "2 email required"},
		"doubled":          {"email\na@x.org\nb@x.org\n A@X.ORG\n", "4 email duplicate"},
		"several": {"email,topics,timezone,attr.a,status\nx,a/b,Mars,b,gone\n",
			"2 email format; 2 timezone format; 2 status unknown_status; 2 topics format"},
		"several, of the form of cells too": {"email,name,timezone,attr.n:number,consent_source\na@x.org,\xff,Mars,four,\xff\na@x.org,Anna,,5,\n",
			"2 name encoding; 2 attr.n format; 2 consent_source encoding; 2 timezone format"},
		"doubled by a line with an error": {"email,attr.n:number\na@x.org,four\na@x.org,5\n", "2 attr.n format; 3 email duplicate"},
		"too few values":                  {"email,name\na@x.org\n", "2  columns"},
		"too many":                        {"email\na@x.org,b\n", "2  columns"},
		"not UTF-8":                       {"email,name\na@x.org,\xff\n", "2 name encoding"},
		"open quote":                      {"email,name\na@x.org,ok\nb@x.org,\"open\nc@x.org,d\n", "3  csv_syntax"},
		"bare quote":                      {"email,name\na@x.org,a\"b\n", "2  csv_syntax"},
		"line break":                      {"email,name\na@x.org,\"a\nb\"\nbad,\n", "2 name format; 4 email format"},
		"long attribute":                  {"email,attr.a\na@x.org," + strings.Repeat("x", 11<<10) + "\n", "2 attr too_long"},
	} {
		got := readCSV(t, c.file)
		var parts []string
		for _, p := range got.Problems {
			parts = append(parts, fmt.Sprint(p.Line, " ", p.Column, " ", p.Code))
			if strings.Contains(p.Column+p.Detail, "anna") {
				t.Errorf("%s: the report shows data: %+v", name, p)
			}
		}
		if have := strings.Join(parts, "; "); have != c.want {
			t.Errorf("%s: got %q, want %q", name, have, c.want)
		}
		if got.Bad != len(got.Problems) {
			t.Errorf("%s: %d of %d", name, len(got.Problems), got.Bad)
		}
	}
}

func TestReadCSVBounds(t *testing.T) {
	t.Parallel()
	_, err := subscriber.ReadCSV(strings.NewReader("email\na@x.org\n"), subscriber.Options{MaxBytes: 13})
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err = subscriber.ReadCSV(strings.NewReader("email\na@x.org\n"), subscriber.Options{MaxBytes: 14}); err != nil {
		t.Errorf("just fits: %v", err)
	}
	_, err = subscriber.ReadCSV(strings.NewReader("email\n"+strings.Repeat("x\n", subscriber.MaxLines+1)), subscriber.Options{ConsentSource: "a test"})
	if !fault.Is(err, fault.TooLarge) {
		t.Errorf("a line too many: %v", err)
	}
	got := readCSV(t, "email\n"+strings.Repeat("x\n", 3000))
	if got.Bad != 3000 || len(got.Problems) != subscriber.MaxProblems {
		t.Errorf("%d problems, %d shown", got.Bad, len(got.Problems))
	}
}

func TestReadCSVNeedsConsent(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"email\na@x.org\n": "1 consent_source required",
		"email,consent_source\na@x.org,form\nb@x.org,\nc@x.org,desk\n":              "3 consent_source required",
		"email,status\na@x.org,unsubscribed\nb@x.org,active\n":                      "3 consent_source required",
		"email,status,consent_source\na@x.org,Unsubscribed,\nb@x.org,active,form\n": "",
	} {
		got, err := subscriber.ReadCSV(strings.NewReader(file), subscriber.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if have := problemsOf(got); have != want {
			t.Errorf("%q: %s, want %s", file, have, want)
		}
		if got := readCSV(t, file); got.Bad != 0 {
			t.Errorf("%q with a source: %+v", file, got.Problems)
		}
	}
}

func problemsOf(i *subscriber.Import) string {
	var parts []string
	for _, p := range i.Problems {
		parts = append(parts, fmt.Sprint(p.Line, " ", p.Column, " ", p.Code))
	}
	return strings.Join(parts, "; ")
}

func TestReadCSVMapsColumns(t *testing.T) {
	t.Parallel()
	columns := map[string]string{"E-Mail": "email", " ort ": "attr.city", "Seats": "attr.seats:number", "Trial": "attr.trial:boolean", "Internal id": ""}
	read := func(file string) *subscriber.Import {
		got, err := subscriber.ReadCSV(strings.NewReader(file), subscriber.Options{ConsentSource: "fair", Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := read("internal ID,E-MAIL,Ort,seats,trial,name\n17,a@x.org,Faro,'-4.50,TRUE,Ann\n18,b@x.org,,,,\n")
	if got.Bad != 0 || len(got.Subscribers) != 2 || got.Subscribers[0].Name != "Ann" || len(got.Subscribers[1].Attributes) != 0 {
		t.Fatalf("got %+v", got)
	}
	if want := map[string]any{"city": "Faro", "seats": -4.5, "trial": true}; !reflect.DeepEqual(got.Subscribers[0].Attributes, want) {
		t.Errorf("got %v", got.Subscribers[0].Attributes)
	}
	for file, want := range map[string]string{
		"e-mail,ort,seats,trial,internal id\na@x.org,,four,maybe,\n": "2 attr.seats format; 2 attr.trial format",
		"e-mail,ort,seats,trial,internal id\na@x.org,,NaN,,\n":       "2 attr.seats format",
		"e-mail,ort,seats,trial\na@x.org,,,\n":                       "1  missing_column",
		"e-mail,email,ort,seats,trial,internal id\n":                 "1 column 2 duplicate",
		"e-mail,attr.x:date,attr.y:,ort,seats,trial,internal id\n":   "1 column 2 unknown_column; 1 column 3 unknown_column",
	} {
		if have := problemsOf(read(file)); have != want {
			t.Errorf("%q: %s, want %s", file, have, want)
		}
	}
}

func TestExportOf(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	export, err := subscriber.NewExportOf(&file, []string{"attr.city", "email"})
	if err == nil {
		err = export.Write(subscriber.Subscriber{Email: "a@x.org", Attributes: map[string]any{"city": "=Faro"}})
	}
	if err == nil {
		err = export.Flush()
	}
	if err != nil || file.String() != "attr.city,email\n'=Faro,a@x.org\n" {
		t.Errorf("%q, %v", file.String(), err)
	}
	for _, names := range [][]string{{"mail"}, {"email", "email"}, {"Email"}, {"attr.a b"}, {"attr.a:number"}, {""}} {
		if _, err := subscriber.NewExportOf(&file, names); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

func TestWriteProblems(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := subscriber.WriteProblems(&out, []subscriber.LineProblem{{Line: 3, Column: "=a", Code: "format", Detail: "must be, well"}})
	if err != nil || out.String() != "line,column,code,detail\n3,'=a,format,\"must be, well\"\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, fmt.Errorf("broken") }

func TestReadCSVFailure(t *testing.T) {
	t.Parallel()
	if _, err := subscriber.ReadCSV(brokenReader{}, subscriber.Options{}); err == nil {
		t.Error("no error")
	}
	half := io.MultiReader(strings.NewReader("email\na@x.org\n"), brokenReader{})
	if _, err := subscriber.ReadCSV(half, subscriber.Options{ConsentSource: "a test"}); err == nil {
		t.Error("half a file is a file")
	}
}

// What is exported is read back as it was, and no cell is a formula.
func TestExportIsImported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, err := subscriber.New(subscriber.Input{
			Email:  rapid.StringMatching(`['+=a-z-]{1,8}@x\.org`).Draw(t, "email"),
			Name:   rapid.StringMatching(`['=+@;," -]{0,3}[\pL"]{0,5}`).Draw(t, "name"),
			Topics: rapid.SliceOfN(rapid.StringMatching(`[-a-z_]{1,4}`), 0, 3).Draw(t, "topics"),
			Attributes: map[string]any{"a": rapid.StringMatching(`['=＝+@\t-]{0,3}[\pL, ;]{0,5}`).Draw(t, "attribute"),
				"n": rapid.Float64().Draw(t, "number"), "b": rapid.Bool().Draw(t, "truth")},
			ConsentSource: rapid.StringMatching(`['=@]{0,2}[a-z]{0,3}`).Draw(t, "source"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.Attributes["a"] == "" {
			delete(s.Attributes, "a")
		}
		var file bytes.Buffer
		export, err := subscriber.NewExport(&file, []string{"a", "b:boolean", "n:number"})
		if err == nil {
			err = export.Write(s)
		}
		if err == nil {
			err = export.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range slices.Concat(records...) {
			if strings.IndexAny(cell, "=+@-\t＝") == 0 {
				t.Fatalf("a formula: %q", cell)
			}
		}
		got, err := subscriber.ReadCSV(&file, subscriber.Options{ConsentSource: "a test"})
		if err != nil || got.Bad != 0 || len(got.Subscribers) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if !reflect.DeepEqual(got.Subscribers[0], s) {
			t.Fatalf("got  %+v\nwant %+v", got.Subscribers[0], s)
		}
	})
}

func TestExportGuardsFormulas(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	export, err := subscriber.NewExport(&file, []string{"n", "b", "none", "f"})
	if err != nil {
		t.Fatal(err)
	}
	err = export.Write(subscriber.Subscriber{
		Email: "+a@x.org", Name: `=HYPERLINK("http://evil")`, Topics: []string{"-a", "b"},
		Attributes: map[string]any{"n": -1.5, "b": true, "f": "'=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := export.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "email,name,language,timezone,country,topics,status,consent_source,attr.n,attr.b,attr.none,attr.f\n" +
		"'+a@x.org,\"'=HYPERLINK(\"\"http://evil\"\")\",,,,'-a;b,,,'-1.5,true,,''=1\n"
	if file.String() != want {
		t.Errorf("got  %q\nwant %q", file.String(), want)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("email,name\na@x.org,Anna\n"))
	f.Add([]byte("\xef\xbb\xbfemail,attr.x,topics\n\"a@x.org\",\"1\n2\",a;b|c\n"))
	f.Add([]byte("email\n'=a@x.org\n\"\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		first, err := subscriber.ReadCSV(bytes.NewReader(file), subscriber.Options{MaxBytes: 1 << 16, ConsentSource: "a test"})
		if err != nil {
			return
		}
		second, err := subscriber.ReadCSV(bytes.NewReader(file), subscriber.Options{MaxBytes: 1 << 16, ConsentSource: "a test"})
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatal("the same file was read in two ways")
		}
		if first.Bad == 0 && len(first.Subscribers) != first.Lines {
			t.Fatalf("%d lines became %d subscribers without a problem", first.Lines, len(first.Subscribers))
		}
		for _, s := range first.Subscribers {
			if s.Email == "" || strings.ContainsAny(s.Name+s.ConsentSource, "\x00\r\n") {
				t.Fatalf("accepted %+v", s)
			}
		}
	})
}
