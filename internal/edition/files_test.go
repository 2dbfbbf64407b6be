package edition

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/mime"
)

// drawer has files of a size.
type drawer struct {
	size  int
	reads atomic.Int64
	err   error
}

func (d *drawer) AssetContent(_ context.Context, uid ident.UID) (asset.Asset, []byte, error) {
	d.reads.Add(1)
	return asset.Asset{UID: uid, Name: "a.png", MediaType: "image/png"}, make([]byte, d.size), d.err
}

func TestFilesAreReadOnce(t *testing.T) {
	t.Parallel()
	d := &drawer{size: 100}
	files := NewFiles(d)
	one, two := ident.New(), ident.New()
	var first []*channel.File
	for range 3 {
		held := files.Hold()
		attached, err := held.Attached(t.Context(), []ident.UID{one, two})
		if err != nil || len(attached) != 2 {
			t.Fatal(attached, err)
		}
		inline, err := held.Inline(t.Context(), []ident.UID{two})
		if err != nil || &inline[0].Body[0] != &attached[1].Body[0] {
			t.Errorf("both forms of a file do not share its bytes: %v", err)
		}
		if first == nil {
			first = attached
		}
		if attached[0] != first[0] || !bytes.Equal(attached[0].Body, mime.EncodeFile(make([]byte, 100))) ||
			!strings.Contains(string(inline[0].Header), "Content-ID: <"+two.String()+"@asset.presswork>") {
			t.Errorf("%s %s", attached[0].Header, inline[0].Header)
		}
	}
	if n := d.reads.Load(); n != 2 {
		t.Errorf("%d reads", n)
	}
	if none, err := files.Hold().Attached(t.Context(), nil); none != nil || err != nil {
		t.Error(none, err)
	}
}

// A batch goes on with the copy that it has, whatever else the process has to remember meanwhile.
func TestBatchesHoldTheirFiles(t *testing.T) {
	t.Parallel()
	d := &drawer{size: asset.MaxSize}
	files := NewFiles(d)
	own, held := ident.New(), files.Hold()
	before, err := held.Attached(t.Context(), []ident.UID{own})
	if err != nil {
		t.Fatal(err)
	}
	for range keptFiles/(asset.MaxSize*78/57) + 1 {
		if _, err := files.Hold().Attached(t.Context(), []ident.UID{ident.New()}); err != nil {
			t.Fatal(err)
		}
	}
	reads := d.reads.Load()
	after, err := held.Attached(t.Context(), []ident.UID{own})
	if err != nil || after[0] != before[0] || d.reads.Load() != reads {
		t.Errorf("%v, read again: %t", err, d.reads.Load() != reads)
	}
	if _, err := files.Hold().Attached(t.Context(), []ident.UID{own}); err != nil || d.reads.Load() != reads+1 {
		t.Errorf("the process remembers more than it may: %v, %d reads", err, d.reads.Load()-reads)
	}
}

func TestFilesForManyAtOnce(t *testing.T) {
	t.Parallel()
	d := &drawer{size: 1000}
	held, uid := NewFiles(d).Hold(), ident.New()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := held.Inline(t.Context(), []ident.UID{uid}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := d.reads.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	d := &drawer{err: fault.New(fault.NotFound, "not_found", "")}
	files := NewFiles(d)
	for range 2 {
		if _, err := files.Hold().Attached(t.Context(), []ident.UID{ident.New()}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
	}
	d.err = errors.New("away")
	if _, err := files.Hold().Inline(t.Context(), []ident.UID{ident.New()}); !errors.Is(err, d.err) {
		t.Errorf("%v", err)
	}
}
