package subscriber

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/cell"
	"github.com/presswork/presswork/internal/fault"
)

// Bounds of an import.
const (
	// MaxCSV is the size of a file in bytes (REQUIREMENTS E2).
	MaxCSV = 10 << 20
	// MaxLines bounds what one file takes in memory.
	MaxLines = 200_000
	// MaxProblems is how many problems of a file are reported.
	MaxProblems = 1000
)

// Import is a CSV file that was read and checked as a whole.
type Import struct {
	// Subscribers are the valid lines in the order of the file, each address once. What a line leaves
	// empty is empty here too: an update changes nothing there.
	Subscribers []Subscriber
	// Lines is the number of lines of data, the bad ones included.
	Lines int
	// Problems are what is wrong, by line; at most MaxProblems of them. Nothing may be written unless
	// there are none.
	Problems []LineProblem
	// Bad is the number of all problems.
	Bad int
	// Sum is the hash (SHA-256) of the file.
	Sum [sha256.Size]byte
}

// LineProblem is something wrong with a line of a file. It holds nothing of what the line says.
type LineProblem struct {
	// Line counts from 1; the header is line 1. A value with line breaks is on its first line.
	Line int
	// Column is the column's name, or its number if its name is not known; empty for the whole line.
	Column string
	// Code is a stable word: "format", "duplicate".
	Code string
	// Detail is for people.
	Detail string
}

// Options of ReadCSV.
type Options struct {
	// MaxBytes is the size of the largest file; MaxCSV unless told.
	MaxBytes int64
	// ConsentSource is where those consented who are new and of whom their line does not say it. Without it every line has to that does not
	// say that somebody has unsubscribed.
	ConsentSource string
	// Columns are the file's names of columns that have another here: {"E-Mail": "email", "Ort": "attr.city"}. A column that is
	// called "" here is not read. Case and white space around make no difference.
	Columns map[string]string
}

// ReadCSV reads a file of comma-separated values (RFC 4180) in UTF-8, with a byte order mark or without,
// and checks all of it. Its first line names the columns, in any order and case: email (required), name,
// language, timezone, country, topics (separated by ";" or "|"), status, consent_source, and attr.x for an
// attribute x, which is text; attr.x:number and attr.x:boolean are what they say. A sign that Export put before a cell is taken away
// again. The file is read as it comes and not held as a whole.
//
// Bad lines are not an error: they are in Import.Problems. It returns TooLarge for a file over its limit,
// and what r returns.
func ReadCSV(r io.Reader, o Options) (*Import, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = MaxCSV
	}
	sum := sha256.New()
	file := bufio.NewReaderSize(&bounded{r: io.TeeReader(r, sum), left: o.MaxBytes, most: o.MaxBytes}, 64<<10)
	if mark, err := file.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = file.Discard(len(byteOrderMark)) // it was peeked at
	}
	i := &importer{options: o, parser: newParser(), seen: map[string]int{}, out: &Import{}}
	i.csv = csv.NewReader(file)
	i.csv.FieldsPerRecord = -1
	i.csv.ReuseRecord = true
	if err := i.read(); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, file); err != nil { // what follows a bad line: it may be too much as well
		return nil, fmt.Errorf("read the CSV file: %w", err)
	}
	sum.Sum(i.out.Sum[:0])
	return i.out, nil
}

const byteOrderMark = "\xef\xbb\xbf"

// bounded is a reader of at most so many bytes. One more is TooLarge.
type bounded struct {
	r          io.Reader
	left, most int64
}

// Read is io.Reader's.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The file may have at most %d bytes.", b.most))
	}
	return n, err
}

// importer is the reading of one file.
type importer struct {
	options Options
	csv     *csv.Reader
	parser  *parser
	columns []column
	seen    map[string]int // the line of each address
	out     *Import
}

func (i *importer) read() error {
	header, err := i.csv.Read()
	if err != nil {
		return i.unreadable(err)
	}
	if !i.header(header) {
		return nil
	}
	for {
		record, err := i.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return i.unreadable(err)
		}
		if i.out.Lines++; i.out.Lines > MaxLines {
			return fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The file may have at most %d lines.", MaxLines))
		}
		line, _ := i.csv.FieldPos(0)
		i.line(line, record)
	}
}

// unreadable notes where the file stops being CSV: what follows cannot be told apart reliably. Errors of reading pass.
func (i *importer) unreadable(err error) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		i.problem(parse.StartLine, "", "csv_syntax", "is not CSV: quotes do not match; the rest was not read")
	case errors.Is(err, io.EOF):
		i.problem(1, "", "required", "must name the columns; the file is empty")
	default:
		return fmt.Errorf("read the CSV file: %w", err)
	}
	return nil
}

func (i *importer) problem(line int, column, code, detail string) {
	if i.out.Bad++; len(i.out.Problems) < MaxProblems {
		i.out.Problems = append(i.out.Problems, LineProblem{Line: line, Column: column, Code: code, Detail: detail})
	}
}

// line reads one record that begins at a line of the file. All that is wrong with it is told at once.
func (i *importer) line(line int, record []string) {
	if len(record) != len(i.columns) {
		i.problem(line, "", "columns", fmt.Sprintf("has %d values, the header has %d", len(record), len(i.columns)))
		return
	}
	in, told := i.cells(line, record)
	if in.ConsentSource == "" && i.options.ConsentSource == "" && in.Status != string(Unsubscribed) && !told[consentColumn] {
		i.problem(line, consentColumn, "required", "must say where they consented")
		told[consentColumn] = true
	}
	s, err := i.parser.parse(in)
	if err != nil {
		i.invalid(line, err, told)
		return
	}
	if first, doubled := i.seen[s.Email]; doubled {
		i.problem(line, "email", "duplicate", fmt.Sprintf("is on line %d already", first))
		return
	}
	i.seen[s.Email] = line
	if len(told) == 0 {
		i.out.Subscribers = append(i.out.Subscribers, s)
	}
}

// cells reads the cells of a record, and tells in which columns something was wrong already.
func (i *importer) cells(line int, record []string) (in Input, told map[string]bool) {
	in, told = Input{Attributes: map[string]any{}}, map[string]bool{}
	for n, text := range record {
		c := i.columns[n]
		if !utf8.ValidString(text) {
			i.problem(line, c.name, "encoding", "is not UTF-8")
			told[c.name] = true
		} else if detail := c.set(&in, strings.Clone(cell.Unguard(text))); detail != "" {
			i.problem(line, c.name, "format", detail)
			told[c.name] = true
		}
	}
	return in, told
}

// invalid turns pointers into columns, and leaves those out of which something was told.
func (i *importer) invalid(line int, err error, told map[string]bool) {
	var e *fault.Error
	if !errors.As(err, &e) {
		i.problem(line, "", "format", "cannot be read")
		return
	}
	for _, field := range e.Fields {
		name, inner, _ := strings.Cut(strings.TrimPrefix(field.Pointer, "/"), "/")
		if name == "attributes" {
			name = strings.TrimSuffix(attributePrefix+inner, ".")
		}
		if !told[name] {
			i.problem(line, name, field.Code, field.Detail)
		}
	}
}
