package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
)

// Source is the log as it is stored.
type Source[R Row] interface {
	// Anchor is zero if nothing was removed yet.
	Anchor(ctx context.Context) (Anchor, error)
	// Block is the first block with a number above n; zero if there is none.
	Block(ctx context.Context, n int64) (Block, error)
	// Rows are the rows with ids from first to last, at most limit of them, in the order of their ids.
	Rows(ctx context.Context, first, last int64, limit int) ([]R, error)
	// Unsealed is how many rows have ids above last, at most limit.
	Unsealed(ctx context.Context, last int64, limit int) (int64, error)
}

// Verify reads the log from a block on, 0 for all of it, and compares it with the chain. It may be called while events are
// written, sealed and removed. Of what precedes from, only the link is compared. noted is a block to be found, or zero.
func (c *Chain[R]) Verify(ctx context.Context, from Source[R], first int64, noted Mark) (Report, error) {
	v := verifier[R]{chain: c, source: from, report: Report{Findings: []Finding{}}}
	err := v.run(ctx, first, noted)
	v.report.Intact = v.report.Found == 0
	return v.report, err
}

type verifier[R Row] struct {
	chain  *Chain[R]
	source Source[R]
	report Report
	// anchor is the beginning, before the block that the next one has to follow.
	anchor Anchor
	before Block
	key    KeyID          // of the last block that could be verified
	keys   map[KeyID]bool // those so far
}

func (v *verifier[R]) find(p Problem, block, event int64) {
	v.report.Found++
	if len(v.report.Findings) < maxFindings {
		v.report.Findings = append(v.report.Findings, Finding{p, block, event})
	}
}

func (v *verifier[R]) run(ctx context.Context, first int64, noted Mark) error {
	if err := v.begin(ctx, first); err != nil {
		return err
	}
	for {
		b, err := v.source.Block(ctx, v.before.N)
		if err != nil {
			return err
		}
		if b.N == 0 {
			break
		}
		if gone, err := v.purged(ctx, b); err != nil {
			return err
		} else if gone {
			continue
		}
		if err := v.block(ctx, b); err != nil {
			return err
		}
		v.before = b
	}
	return v.end(ctx, noted)
}

// begin finds what the first block has to follow: the anchor, or with a first block the one before it.
func (v *verifier[R]) begin(ctx context.Context, first int64) error {
	var err error
	if v.anchor, err = v.source.Anchor(ctx); err != nil {
		return err
	}
	v.keys = map[KeyID]bool{}
	v.report.Purged = v.anchor.N
	if first > v.anchor.N+1 {
		b, err := v.source.Block(ctx, first-2)
		if err != nil {
			return err
		}
		if b.N == first-1 {
			v.before, v.key, v.keys[b.Key] = b, b.Key, true
			return nil
		}
		v.before = Block{N: first - 1} // block says that it is missing
		return nil
	}
	v.before = Block{N: v.anchor.N, Last: v.anchor.Last, Hash: v.anchor.Hash}
	if v.anchor.N > 0 && v.chain.CheckAnchor(v.anchor) != nil {
		v.find(BeginningAltered, v.anchor.N, 0)
	}
	rows, err := v.source.Rows(ctx, math.MinInt64, v.before.Last, maxFindings)
	for _, row := range rows {
		v.find(EventAdded, 0, row.Number())
	}
	return err
}

// purged reports that blocks before b were removed meanwhile because their time was over: then it goes on behind them.
func (v *verifier[R]) purged(ctx context.Context, b Block) (bool, error) {
	if b.N == v.before.N+1 {
		return false, nil
	}
	anchor, err := v.source.Anchor(ctx)
	if err != nil || anchor.N <= v.before.N || v.chain.CheckAnchor(anchor) != nil {
		return false, err
	}
	v.anchor, v.report.Purged = anchor, anchor.N
	v.before = Block{N: anchor.N, Last: anchor.Last, Hash: anchor.Hash}
	return true, nil
}

func (v *verifier[R]) block(ctx context.Context, b Block) error {
	r := &v.report
	if r.Blocks++; r.First == 0 {
		r.First = b.N
	}
	r.Newest, r.Anchor = b.N, Mark{b.N, b.Hash}.String()
	v.header(b)
	return v.rows(ctx, b)
}

func (v *verifier[R]) header(b Block) {
	if b.N != v.before.N+1 {
		for n := v.before.N + 1; n < b.N && n <= v.before.N+maxFindings; n++ {
			v.find(BlockMissing, n, 0)
		}
	}
	err := v.chain.Check(b)
	switch {
	case errors.Is(err, ErrKey):
		v.find(BlockKeyUnknown, b.N, 0)
		return
	case err != nil:
		v.find(BlockAltered, b.N, 0)
		return
	case b.N == v.before.N+1 && (b.Previous != v.before.Hash || b.First != v.before.Last+1):
		v.find(BlockUnlinked, b.N, 0)
	}
	if v.keys[b.Key] && b.Key != v.key {
		v.find(BlockKeyReturned, b.N, 0)
	}
	v.key, v.keys[b.Key] = b.Key, true
}

// rows compares the rows of a block with its entries: both are in the order of their ids.
func (v *verifier[R]) rows(ctx context.Context, b Block) error {
	h, err := v.chain.mac(b.Key)
	if err != nil {
		return nil //nolint:nilerr // header has found that: without the key nothing can be said of the rows
	}
	found := len(v.report.Findings)
	total := v.report.Found
	entries := b.Entries
	var entry []byte
	for next := b.First; ; {
		rows, err := v.source.Rows(ctx, next, b.Last, BlockRows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			v.report.Events++
			entry = appendEntry(entry[:0], h, row)
			entries = v.compare(b.N, entries, entry, row.Number())
		}
		if len(rows) < BlockRows || rows[len(rows)-1].Number() == b.Last {
			break
		}
		next = rows[len(rows)-1].Number() + 1
	}
	for ; len(entries) >= entrySize; entries = entries[entrySize:] {
		v.find(EventMissing, b.N, entryID(entries))
	}
	if v.report.Found == total {
		return nil
	}
	// It may have been removed between, because its time was over.
	anchor, err := v.source.Anchor(ctx)
	if err == nil && anchor.N >= b.N && v.chain.CheckAnchor(anchor) == nil {
		v.report.Findings, v.report.Found = v.report.Findings[:found], total
	}
	return err
}

// compare finds what is wrong up to and including a row, and returns the entries behind it.
func (v *verifier[R]) compare(block int64, entries, entry []byte, row int64) []byte {
	for len(entries) >= entrySize && entryID(entries) < row {
		v.find(EventMissing, block, entryID(entries))
		entries = entries[entrySize:]
	}
	if len(entries) < entrySize || entryID(entries) != row {
		v.find(EventAdded, block, row)
		return entries
	}
	if !bytes.Equal(entries[:entrySize], entry) {
		v.find(EventAltered, block, row)
	}
	return entries[entrySize:]
}

func entryID(entry []byte) int64 {
	return int64(binary.BigEndian.Uint64(entry)) //nolint:gosec // two's complement
}

// end counts what is not sealed yet, and looks for the noted block.
func (v *verifier[R]) end(ctx context.Context, noted Mark) error {
	var err error
	if v.report.Unsealed, err = v.source.Unsealed(ctx, v.before.Last, maxUnsealed); err != nil || noted.N == 0 {
		return err
	}
	if anchor := v.anchor; noted.N <= anchor.N {
		if v.report.AnchorPurged = noted.N < anchor.N; !v.report.AnchorPurged && noted.Hash != anchor.Hash {
			v.find(AnchorLost, noted.N, 0)
		}
		return nil
	}
	b, err := v.source.Block(ctx, noted.N-1)
	if err == nil && (b.N != noted.N || b.Hash != noted.Hash) {
		v.find(AnchorLost, noted.N, 0)
	}
	return err
}
