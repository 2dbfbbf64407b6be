package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
)

// block is a run of statements: a file and the place in it, as the profile writes them.
type block struct{ file, span string }

// hits is how many statements a block has and whether any test reached it.
type hits struct {
	statements int
	covered    bool
}

// tally adds up blocks.
type tally struct{ statements, covered int }

func (t tally) percent() float64 {
	if t.statements == 0 {
		return 100
	}
	return 100 * float64(t.covered) / float64(t.statements)
}

func (t *tally) add(h hits) {
	t.statements += h.statements
	if h.covered {
		t.covered += h.statements
	}
}

func readFile(name string) (map[block]hits, error) {
	file, err := os.Open(name) //nolint:gosec // the caller's own file, named on its command line
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	return readProfile(file)
}

// readProfile reads what go test -coverprofile writes: a mode line, then "file:from,to statements count".
// A block named again is merged with its earlier mention.
func readProfile(in io.Reader) (map[block]hits, error) {
	blocks := map[block]hits{}
	scanner := bufio.NewScanner(in)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		if line == "" || strings.HasPrefix(line, "mode: ") {
			continue
		}
		where, got, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		got.covered = got.covered || blocks[where].covered
		blocks[where] = got
	}
	return blocks, scanner.Err()
}

func parseLine(line string) (block, hits, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return block{}, hits{}, fmt.Errorf("not a block: %q", line)
	}
	colon := strings.LastIndexByte(fields[0], ':')
	statements, err1 := strconv.ParseUint(fields[1], 10, 31)
	count, err2 := strconv.ParseUint(fields[2], 10, 64)
	if colon <= 0 || err1 != nil || err2 != nil {
		return block{}, hits{}, fmt.Errorf("not a block: %q", line)
	}
	where := block{file: fields[0][:colon], span: fields[0][colon+1:]}
	return where, hits{statements: int(statements), covered: count > 0}, nil
}

// sum adds up the blocks of the files that include says count, in all and for each package.
func sum(blocks map[block]hits, include func(file string) (bool, error)) (tally, map[string]tally, error) {
	var total tally
	perPackage := map[string]tally{}
	for where, h := range blocks {
		ok, err := include(where.file)
		if err != nil {
			return tally{}, nil, err
		}
		if !ok {
			continue
		}
		total.add(h)
		t := perPackage[path.Dir(where.file)]
		t.add(h)
		perPackage[path.Dir(where.file)] = t
	}
	return total, perPackage, nil
}
