package suppression

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/fault"
)

func readFile(t testing.TB, text string) *File {
	t.Helper()
	f, err := ReadFile(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", hashSize)
	f := readFile(t, "\xef\xbb\xbfReason, EMAIL ,note,Hash,created_at,source\r\n"+
		"Complaint,Anna@X.org,by telephone,,2020-01-02T03:04:05Z,ses\r\n"+
		",'+b@x.org,'=1,"+sum+",,\r\n\r\n"+
		"soft_bounce,,,"+strings.ToUpper(sum)+",,\r\n")
	want := []Line{
		{Address: "anna@x.org", Reason: Complaint, Note: "by telephone", At: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
		{Address: "+b@x.org", Reason: Manual, Note: "=1"},
		{Hash: bytes.Repeat([]byte{0xab}, hashSize), Reason: SoftBounce},
	}
	if f.Bad != 0 || f.Read != 3 || !reflect.DeepEqual(f.Lines, want) {
		t.Errorf("%+v", f)
	}
}

func TestReadFileReports(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", hashSize)
	for name, c := range map[string]struct{ file, want string }{
		"empty":          {"", "1  required"},
		"no address":     {"reason\nmanual\n", "1 email required"},
		"no header":      {"anna@x.org\n", "1 column 1 unknown_column; 1 email required"},
		"semicolons":     {"email;reason\nanna@x.org;manual\n", "1 column 1 csv_syntax; 1 email required"},
		"UTF-16":         {"\xff\xfee\x00m\x00a\x00i\x00l\x00\n\x00", "1 column 1 encoding; 1 email required"},
		"column twice":   {"email,Email\n", "1 column 2 duplicate"},
		"bad address":    {"email\nok@x.org\nanna@\n", "3 email format"},
		"whose":          {"email,hash\n,\n", "2 email required"},
		"short hash":     {"hash\nabcd\n", "2 hash format"},
		"no hash":        {"hash\n" + strings.Repeat("x", 2*hashSize) + "\n", "2 hash format"},
		"doubled":        {"email\na@x.org\nb@x.org\n A@X.ORG\n", "4  duplicate"},
		"hash twice":     {"hash\n" + sum + "\n" + strings.ToUpper(sum) + "\n", "3  duplicate"},
		"reason":         {"email,reason\na@x.org,spam\n", "2 reason unknown_reason"},
		"note":           {"email,note\na@x.org,\"a\nb\"\nb@x.org,of b@x.org\nc@x.org," + strings.Repeat("n", MaxNote+1) + "\n", "2 note format; 4 note format; 5 note format"},
		"time":           {"email,created_at\na@x.org,yesterday\nb@x.org,9999-01-01T00:00:00Z\nc@x.org,1066-10-14T00:00:00Z\n", "2 created_at format; 3 created_at in_future; 4 created_at format"},
		"several":        {"email,reason,created_at\nx,y,z\n", "2 reason unknown_reason; 2 created_at format; 2 email format"},
		"too few values": {"email,reason\na@x.org\n", "2  columns"},
		"not UTF-8":      {"email,note\na@x.org,\xff\n", "2 note encoding"},
		"open quote":     {"email\na@x.org\n\"b@x.org\n", "3  csv_syntax"},
	} {
		f := readFile(t, c.file)
		var parts []string
		for _, p := range f.Problems {
			parts = append(parts, fmt.Sprint(p.Line, " ", p.Column, " ", p.Code))
			if strings.Contains(p.Column+p.Detail, "x.org") {
				t.Errorf("%s: the report shows data: %+v", name, p)
			}
		}
		if have := strings.Join(parts, "; "); have != c.want || f.Bad != len(f.Problems) {
			t.Errorf("%s: got %q, want %q", name, have, c.want)
		}
	}
}

func TestReadFileBounds(t *testing.T) {
	t.Parallel()
	if _, err := ReadFile(strings.NewReader("email\n" + strings.Repeat("x", MaxFile))); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := ReadFile(strings.NewReader("email\n" + strings.Repeat("x\n", MaxLines+1))); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too many lines: %v", err)
	}
	if _, err := ReadFile(iotest.ErrReader(fmt.Errorf("cut"))); err == nil {
		t.Error("a file that cannot be read was read")
	}
	f := readFile(t, "email\n"+strings.Repeat("x\n", MaxProblems+5))
	if f.Bad != MaxProblems+5 || len(f.Problems) != MaxProblems {
		t.Errorf("%d problems, %d shown", f.Bad, len(f.Problems))
	}
}

// TestExportIsRead: what an export writes is read as it was, and no cell of it is a formula.
func TestExportIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := Listed{
			Entry: Entry{
				Reason: rapid.SampledFrom([]Reason{Bounce, Complaint, Manual, SoftBounce}).Draw(t, "reason"), Source: SourceSES,
				Note:      rapid.StringMatching(`['=+＝-]{0,2}([a-z",;]{0,5}[a-z])?`).Draw(t, "note"),
				CreatedAt: time.Unix(rapid.Int64Range(0, 1_700_000_000).Draw(t, "at"), 0).UTC(),
			},
			Hash: rapid.SliceOfN(rapid.Byte(), hashSize, hashSize).Draw(t, "hash"),
		}
		if rapid.Bool().Draw(t, "known") {
			l.Address = rapid.StringMatching(`['+=a-z-]{1,8}@x\.org`).Draw(t, "address")
		}
		var file bytes.Buffer
		out, err := NewExport(&file)
		if err == nil {
			err = out.Write(l)
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(bytes.NewReader(file.Bytes()))
		if err != nil || f.Bad > 0 || len(f.Lines) != 1 {
			t.Fatalf("%+v, %v of %q", f, err, file.String())
		}
		want := Line{Address: l.Address, Reason: l.Reason, Note: l.Note, At: l.CreatedAt}
		if l.Address == "" {
			want.Hash = l.Hash
		}
		if !reflect.DeepEqual(f.Lines[0], want) {
			t.Fatalf("%+v became %+v", want, f.Lines[0])
		}
	})
}

func TestExportGuardsFormulas(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	out, err := NewExport(&file)
	if err != nil {
		t.Fatal(err)
	}
	l := Listed{Entry: Entry{Reason: Manual, Source: SourceAPI, Note: `=HYPERLINK("http://evil")`, CreatedAt: time.Unix(0, 0)},
		Hash: bytes.Repeat([]byte{1}, hashSize), Address: "+a@x.org"}
	if err := out.Write(l); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "hash,email,reason,source,note,created_at\n" + hex.EncodeToString(l.Hash) +
		",'+a@x.org,manual,api,\"'=HYPERLINK(\"\"http://evil\"\")\",1970-01-01T00:00:00Z\n"
	if file.String() != want {
		t.Errorf("%q", file.String())
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte("email,reason\na@x.org,bounce\n"))
	f.Add([]byte("hash,note,created_at\n" + strings.Repeat("ab", hashSize) + ",'=1,2020-01-02T03:04:05Z\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		first, err := ReadFile(bytes.NewReader(text))
		if err != nil {
			return
		}
		second, err := ReadFile(bytes.NewReader(text))
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatal("the same file was read in two ways")
		}
		if first.Bad == 0 && len(first.Lines) != first.Read {
			t.Fatalf("%d lines became %d without a problem", first.Read, len(first.Lines))
		}
		for _, l := range first.Lines {
			if (l.Address == "") == (len(l.Hash) == 0) || l.Reason < Bounce || l.Reason > SoftBounce || strings.Contains(l.Note, "@") {
				t.Fatalf("accepted %+v", l)
			}
		}
	})
}
