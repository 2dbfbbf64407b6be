package chain_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presswork/presswork/internal/chain"
)

// line is a row of the log of these tests.
type line struct {
	id   int64
	text string
}

func (l line) Number() int64 { return l.id }

func (l line) Seal(to chain.Hasher) {
	to.Text("test row v1")
	to.Number(l.id)
	to.Text(l.text)
}

func derive(secret []byte) (key, id []byte, err error) {
	if key, err = hkdf.Key(sha256.New, secret, nil, "test key", sha256.Size); err == nil {
		id, err = hkdf.Key(sha256.New, secret, nil, "test key id", len(chain.KeyID{}))
	}
	return key, id, err
}

type fataler interface{ Fatal(args ...any) }

// sealing seals with the first of some keys and verifies with all.
func sealing(t fataler, keys string) *chain.Chain[line] {
	var secrets [][]byte
	for _, k := range keys {
		secrets = append(secrets, []byte(strings.Repeat(string(k), 32)))
	}
	c, err := chain.New[line]("test", derive, secrets[0], secrets[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// paper is a log in memory.
type paper struct {
	anchor chain.Anchor
	blocks []chain.Block
	rows   []line
}

func (p *paper) Anchor(context.Context) (chain.Anchor, error) { return p.anchor, nil }

func (p *paper) Block(_ context.Context, n int64) (chain.Block, error) {
	for _, b := range p.blocks {
		if b.N > n {
			return b, nil
		}
	}
	return chain.Block{}, nil
}

func (p *paper) Rows(_ context.Context, first, last int64, limit int) ([]line, error) {
	var found []line
	for _, row := range p.rows {
		if row.id >= first && row.id <= last && len(found) < limit {
			found = append(found, row)
		}
	}
	return found, nil
}

func (p *paper) Unsealed(_ context.Context, last int64, limit int) (n int64, err error) {
	for _, row := range p.rows {
		if row.id > last && n < int64(limit) {
			n++
		}
	}
	return n, nil
}

// seal seals everything that is not, as one block.
func (p *paper) seal(c *chain.Chain[line]) {
	previous := chain.Block{N: p.anchor.N, Last: p.anchor.Last, Hash: p.anchor.Hash}
	if len(p.blocks) > 0 {
		previous = p.blocks[len(p.blocks)-1]
	}
	first := slices.IndexFunc(p.rows, func(l line) bool { return l.id > previous.Last })
	p.blocks = append(p.blocks, c.Seal(previous, p.rows[first:], time.Unix(previous.N, 0)))
}

// written is a log of some blocks of some rows each, with ids that were given away for nothing between them, and an end that is not
// sealed. Rows have odd ids.
func written(t *rapid.T, c *chain.Chain[line], least int) *paper {
	p := &paper{}
	id := int64(1)
	write := func(n int) {
		for range n {
			id += 2 * rapid.Int64Range(1, 3).Draw(t, "gap")
			p.rows = append(p.rows, line{id, rapid.StringN(0, 5, 20).Draw(t, "text") + fmt.Sprint(id)})
		}
	}
	for range rapid.IntRange(least, 5).Draw(t, "blocks") {
		write(rapid.IntRange(1, 6).Draw(t, "rows"))
		p.seal(c)
	}
	write(rapid.IntRange(0, 3).Draw(t, "unsealed"))
	return p
}

func verify(t *rapid.T, c *chain.Chain[line], p *paper, first int64, noted chain.Mark) chain.Report {
	r, err := c.Verify(context.Background(), p, first, noted)
	if err != nil {
		t.Fatal(err)
	}
	if r.Intact != (r.Found == 0 && len(r.Findings) == 0) {
		t.Errorf("%+v", r)
	}
	return r
}

// TestWholeLogIsIntact: whatever was sealed is found to be as it was, from whichever block on, and with keys that followed each other.
func TestWholeLogIsIntact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := written(t, sealing(t, "a"), 1)
		last := p.blocks[len(p.blocks)-1]
		sealed := int64(slices.IndexFunc(append(slices.Clone(p.rows), line{id: last.Last + 1}), func(l line) bool { return l.id > last.Last }))
		unsealed := int64(len(p.rows)) - sealed
		if unsealed > 0 {
			p.seal(sealing(t, "ba"))
			last, sealed, unsealed = p.blocks[len(p.blocks)-1], int64(len(p.rows)), 0
		}
		r := verify(t, sealing(t, "ba"), p, 0, chain.Mark{N: last.N, Hash: last.Hash})
		if !r.Intact || r.Blocks != last.N || r.Events != sealed || r.Unsealed != unsealed || r.First != 1 || r.Newest != last.N {
			t.Errorf("%+v of %d blocks and %d rows", r, last.N, len(p.rows))
		}
		from := rapid.Int64Range(1, last.N).Draw(t, "from")
		if r := verify(t, sealing(t, "ba"), p, from, chain.Mark{}); !r.Intact || r.First != from || r.Blocks != last.N-from+1 {
			t.Errorf("from block %d: %+v", from, r)
		}
	})
}

// forgeries are what may be done to a log, what is found of it, and in which block. Each is told which block and which of its rows
// chance has chosen.
func forgeries() map[string]func(p *paper, b, row int) (chain.Problem, int64) {
	return map[string]func(p *paper, b, row int) (chain.Problem, int64){
		"a row is altered": func(p *paper, b, row int) (chain.Problem, int64) {
			p.rows[row].text += "!"
			return chain.EventAltered, p.blocks[b].N
		},
		"a row is removed": func(p *paper, b, row int) (chain.Problem, int64) {
			p.rows = slices.Delete(p.rows, row, row+1)
			return chain.EventMissing, p.blocks[b].N
		},
		"a row is added": func(p *paper, b, row int) (chain.Problem, int64) {
			p.rows = slices.Insert(p.rows, row, line{p.rows[row].id - 1, "forged"})
			return chain.EventAdded, p.blocks[b].N
		},
		"a row has another's place": func(p *paper, b, row int) (chain.Problem, int64) {
			p.rows[row].text = p.rows[(row+1)%len(p.rows)].text + "."
			return chain.EventAltered, p.blocks[b].N
		},
		"a block is altered": func(p *paper, b, _ int) (chain.Problem, int64) {
			p.blocks[b].SealedAt = p.blocks[b].SealedAt.Add(time.Hour)
			return chain.BlockAltered, p.blocks[b].N
		},
		"a block's entries are another's": func(p *paper, b, _ int) (chain.Problem, int64) {
			p.blocks[b].Entries = slices.Concat(p.blocks[b].Entries, p.blocks[b].Entries)
			return chain.BlockAltered, p.blocks[b].N
		},
		"two blocks change places": func(p *paper, _, _ int) (chain.Problem, int64) {
			p.blocks[0], p.blocks[1] = p.blocks[1], p.blocks[0]
			p.blocks[0].N, p.blocks[1].N = 1, 2
			return chain.BlockAltered, 1
		},
		"a block is removed": func(p *paper, _, _ int) (chain.Problem, int64) {
			p.blocks = slices.Delete(p.blocks, 0, 1)
			return chain.BlockMissing, 1
		},
		"a block follows another": func(p *paper, _, _ int) (chain.Problem, int64) {
			other := sealing(nil, "a").Seal(chain.Block{N: 1, Last: p.blocks[0].Last, Hash: chain.Hash{1}}, p.rowsOf(1), time.Unix(1, 0))
			p.blocks[1] = other
			return chain.BlockUnlinked, 2
		},
		"a block has a stranger's key": func(p *paper, _, _ int) (chain.Problem, int64) {
			p.blocks[1] = sealing(nil, "x").Seal(p.blocks[0], p.rowsOf(1), time.Unix(1, 0))
			return chain.BlockKeyUnknown, 2
		},
		"the beginning was cut off": func(p *paper, _, _ int) (chain.Problem, int64) {
			gone := p.blocks[0]
			p.anchor = sealing(nil, "a").Sign(gone)
			p.anchor.Signature[0]++
			p.rows = slices.DeleteFunc(p.rows, func(l line) bool { return l.id <= gone.Last })
			p.blocks = p.blocks[1:]
			return chain.BeginningAltered, 1
		},
	}
}

func (p *paper) rowsOf(block int) []line {
	b := p.blocks[block]
	return slices.DeleteFunc(slices.Clone(p.rows), func(l line) bool { return l.id < b.First || l.id > b.Last })
}

// TestForgeriesAreFound, whatever the log and wherever in it; and they are found where they are.
func TestForgeriesAreFound(t *testing.T) {
	t.Parallel()
	for name, forge := range forgeries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				c := sealing(t, "a")
				p := written(t, c, 2)
				b := rapid.IntRange(0, len(p.blocks)-1).Draw(t, "block")
				row := rapid.SampledFrom(p.rowsOf(b)).Draw(t, "row")
				problem, block := forge(p, b, slices.Index(p.rows, row))
				r := verify(t, c, p, 0, chain.Mark{})
				if r.Intact || !slices.ContainsFunc(r.Findings, func(f chain.Finding) bool { return f.Problem == problem && f.Block == block }) {
					t.Errorf("want %s in block %d, and found %+v", problem, block, r.Findings)
				}
				if first := r.FirstBroken(); first != block {
					t.Errorf("the first broken block is %d, want %d: %+v", first, block, r.Findings)
				}
			})
		})
	}
}

// TestCutEnd: an end that is cut off, or sealed anew without the key, is found by who noted a block elsewhere, and by nobody else.
func TestCutEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := sealing(t, "a")
		p := written(t, c, 2)
		end := p.blocks[len(p.blocks)-1]
		noted := chain.Mark{N: end.N, Hash: end.Hash}
		p.blocks = p.blocks[:len(p.blocks)-1]
		p.rows = slices.DeleteFunc(p.rows, func(l line) bool { return l.id >= end.First })
		if r := verify(t, c, p, 0, chain.Mark{}); !r.Intact {
			t.Errorf("what is left does not look whole: %+v", r)
		}
		lost := []chain.Finding{{Problem: chain.AnchorLost, Block: end.N}}
		if r := verify(t, c, p, 0, noted); !slices.Equal(r.Findings, lost) {
			t.Errorf("cut off, and found %+v", r.Findings)
		}
		p.rows = append(p.rows, line{end.Last, "instead"})
		p.seal(c)
		if r := verify(t, c, p, 0, noted); !slices.Equal(r.Findings, lost) {
			t.Errorf("made anew, and found %+v", r.Findings)
		}
	})
}

// TestRemovedInTime: blocks whose time was over are removed behind a signed anchor, and what follows is whole.
func TestRemovedInTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := sealing(t, "a")
		p := written(t, c, 2)
		n := rapid.IntRange(1, len(p.blocks)-1).Draw(t, "removed")
		gone := p.blocks[n-1]
		p.anchor, p.blocks = c.Sign(gone), p.blocks[n:]
		p.rows = slices.DeleteFunc(p.rows, func(l line) bool { return l.id <= gone.Last })
		r := verify(t, c, p, 0, chain.Mark{N: gone.N, Hash: gone.Hash})
		if !r.Intact || r.Purged != gone.N || r.First != gone.N+1 || r.AnchorPurged {
			t.Errorf("%+v", r)
		}
		if r := verify(t, c, p, 0, chain.Mark{N: gone.N, Hash: chain.Hash{1}}); r.Intact {
			t.Errorf("another block was removed than the one that was noted: %+v", r)
		}
		p.rows = slices.Insert(p.rows, 0, line{gone.Last, "late"})
		if r := verify(t, c, p, 0, chain.Mark{}); !slices.Equal(r.Findings, []chain.Finding{{Problem: chain.EventAdded, Event: gone.Last}}) {
			t.Errorf("added to what was removed, and found %+v", r.Findings)
		}
	})
}

// TestKeys: a key that was given up does not come back, keys are long, and what one log has sealed is nothing to another.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := &paper{rows: []line{{1, "one"}}}
	for i, keys := range []string{"a", "ba", "ab"} {
		p.rows = append(p.rows, line{int64(2 + i), "more"})
		p.seal(sealing(t, keys))
	}
	r, err := sealing(t, "ab").Verify(t.Context(), p, 0, chain.Mark{})
	if err != nil || !slices.Equal(r.Findings, []chain.Finding{{Problem: chain.BlockKeyReturned, Block: 3}}) {
		t.Errorf("%+v, %v", r.Findings, err)
	}
	if _, err := chain.New[line]("test", derive, []byte("fifteen letters")); err == nil {
		t.Error("a short secret is taken")
	}
	broken := errors.New("broken")
	if _, err := chain.New[line]("test", func([]byte) ([]byte, []byte, error) { return nil, nil, broken }, make([]byte, 32)); !errors.Is(err, broken) {
		t.Errorf("without a key: %v", err)
	}
	other, err := chain.New[line]("other", derive, []byte(strings.Repeat("a", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Check(p.blocks[0]); !errors.Is(err, chain.ErrAltered) {
		t.Errorf("another log's block: %v", err)
	}
	if err := other.CheckAnchor(sealing(t, "a").Sign(p.blocks[0])); !errors.Is(err, chain.ErrAltered) {
		t.Errorf("another log's anchor: %v", err)
	}
}
