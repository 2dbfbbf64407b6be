package suppression

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/cell"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/mailbox"
)

// Bounds of a file.
const (
	// MaxFile is its size in bytes, that of a file of subscribers.
	MaxFile = 10 << 20
	// MaxLines bounds what one file takes in memory.
	MaxLines = 400_000
	// MaxProblems is how many problems of a file are reported.
	MaxProblems = 1000
	// MaxNote is the length of a note in characters.
	MaxNote = 200
)

// Line is one address to put on the list.
type Line struct {
	// Address is in canonical form; empty if the line has a hash only.
	Address string
	// Hash is that of an export of this list; nil if the line has an address.
	Hash   []byte
	Reason Reason
	Note   string
	// At is since when it is on the list; zero: from now on.
	At time.Time
}

// File is a file that was read and checked as a whole.
type File struct {
	// Lines are the good ones in their order, each address once.
	Lines []Line
	// Read is the number of lines of data, the bad ones included.
	Read int
	// Problems are what is wrong, by line; at most MaxProblems of them. Nothing may be written unless there are none.
	Problems []Problem
	// Bad is the number of all problems.
	Bad int
}

// Problem is something wrong with a line of a file. It holds nothing of what the line says.
type Problem struct {
	// Line counts from 1; the header is line 1.
	Line int
	// Column is the column's name, or its number if its name is not known; empty for the whole line.
	Column string
	// Code is a stable word: "format", "duplicate".
	Code string
	// Detail is for people.
	Detail string
}

// The columns of a file, in the order in which an export has them.
const (
	columnHash = iota
	columnEmail
	columnReason
	columnSource
	columnNote
	columnCreated
	columnCount
)

func columnList() []string {
	return []string{"hash", "email", "reason", "source", "note", "created_at"}
}

// ReadFile reads a file of comma-separated values (RFC 4180) in UTF-8, with a byte order mark or without, and checks all
// of it. Its first line names the columns in any order and case: email or hash, of which each line needs one; reason (manual
// unless told), note, and created_at (RFC 3339). The source that an export names is passed over, as is the hash of a line with
// an address: that is hashed anew. A sign that an export put before a cell is taken away again.
//
// Bad lines are not an error: they are in File.Problems. It returns TooLarge for a file over MaxFile or MaxLines, and what
// r returns.
func ReadFile(r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the CSV file: %w", err)
	}
	if len(text) > MaxFile {
		return nil, fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The file may have at most %d bytes.", MaxFile))
	}
	in := &reading{csv: csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))), seen: map[string]int{}, now: time.Now()}
	in.csv.FieldsPerRecord = -1
	in.csv.ReuseRecord = true
	if err := in.read(); err != nil {
		return nil, err
	}
	return &in.out, nil
}

// reading is that of one file.
type reading struct {
	csv     *csv.Reader
	columns []int
	seen    map[string]int // the line of each address and hash
	now     time.Time
	out     File
}

func (in *reading) read() error {
	header, err := in.csv.Read()
	if err != nil {
		in.unreadable(err)
		return nil
	}
	if in.header(header); in.out.Bad > 0 {
		return nil
	}
	for {
		record, err := in.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			in.unreadable(err)
			return nil
		}
		if in.out.Read++; in.out.Read > MaxLines {
			return fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The file may have at most %d lines.", MaxLines))
		}
		line, _ := in.csv.FieldPos(0)
		in.line(line, record)
	}
}

// unreadable notes where the file stops being CSV. What follows cannot be told apart reliably.
func (in *reading) unreadable(err error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		in.problem(parse.StartLine, "", "csv_syntax", "is not CSV: quotes do not match; the rest was not read")
		return
	}
	in.problem(1, "", "required", "must name the columns; the file is empty")
}

func (in *reading) problem(line int, column, code, detail string) {
	if in.out.Bad++; len(in.out.Problems) < MaxProblems {
		in.out.Problems = append(in.out.Problems, Problem{Line: line, Column: column, Code: code, Detail: detail})
	}
}

func (in *reading) header(record []string) {
	for n, text := range record {
		at, number := slices.Index(columnList(), strings.ToLower(strings.TrimSpace(text))), fmt.Sprintf("column %d", n+1)
		switch {
		case at < 0:
			code, detail := cell.UnknownName(text, len(record) == 1)
			if code == "unknown_column" {
				detail = "must be one of " + strings.Join(columnList(), ", ")
			}
			in.problem(1, number, code, detail)
		case slices.Contains(in.columns, at):
			in.problem(1, number, "duplicate", "is there twice")
		}
		in.columns = append(in.columns, at)
	}
	if !slices.Contains(in.columns, columnEmail) && !slices.Contains(in.columns, columnHash) {
		in.problem(1, "email", "required", "must be there, or hash")
	}
}

// line reads one record that begins at a line of the file.
func (in *reading) line(at int, record []string) {
	if len(record) != len(in.columns) {
		in.problem(at, "", "columns", fmt.Sprintf("has %d values, the header has %d", len(record), len(in.columns)))
		return
	}
	var cells [columnCount]string
	for n, text := range record {
		if !utf8.ValidString(text) {
			in.problem(at, columnList()[in.columns[n]], "encoding", "is not UTF-8")
			return
		}
		cells[in.columns[n]] = strings.TrimSpace(strings.Clone(cell.Unguard(text)))
	}
	before := in.out.Bad
	line := Line{Reason: in.reason(at, cells[columnReason]), Note: in.note(at, cells[columnNote]), At: in.time(at, cells[columnCreated])}
	who := in.who(at, &line, cells[columnEmail], cells[columnHash])
	if in.out.Bad > before {
		return
	}
	if first, doubled := in.seen[who]; doubled {
		in.problem(at, "", "duplicate", fmt.Sprintf("is on line %d already", first))
		return
	}
	in.seen[who] = at
	in.out.Lines = append(in.out.Lines, line)
}

// who fills in whose line it is, and is the same for the same address.
func (in *reading) who(at int, line *Line, email, hash string) string {
	if email != "" {
		address, err := mailbox.Parse(email)
		if err != nil {
			in.problem(at, "email", "format", err.Error())
		}
		line.Address = address
		return address
	}
	if hash == "" {
		in.problem(at, "email", "required", "must be there, or a hash")
		return ""
	}
	sum, err := hex.DecodeString(hash)
	if err != nil || len(sum) != hashSize {
		in.problem(at, "hash", "format", fmt.Sprintf("must be one of an export: %d hexadecimal digits", 2*hashSize))
	}
	line.Hash = sum
	return string(sum)
}

func (in *reading) reason(at int, text string) Reason {
	if text == "" {
		return Manual
	}
	reason, ok := ParseReason(strings.ToLower(text))
	if !ok {
		in.problem(at, "reason", "unknown_reason", "must be bounce, complaint, manual or soft_bounce")
	}
	return reason
}

func (in *reading) note(at int, text string) string {
	if err := checkNote(text); err != "" {
		in.problem(at, "note", "format", err)
	}
	return text
}

func (in *reading) time(at int, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil || moment.Year() < 1970 {
		in.problem(at, "created_at", "format", "must be a time like 2030-01-31T09:00:00Z")
	}
	if moment.After(in.now) {
		in.problem(at, "created_at", "in_future", "must not be in the future")
	}
	return moment
}
