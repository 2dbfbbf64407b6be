package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/channel"
)

// outletsAge is how old the list of channels may be: enabling, disabling and changing one takes effect within
// this time, without a restart.
const outletsAge = time.Second

// outletsYoung is how old the list may be where a batch would wait for a circuit that belongs to older settings, or since
// there is no channel of its kind.
const outletsYoung = outletsAge / 10

// lingering is how long a replaced sender may finish what it has in hand.
const lingering = 30 * time.Second

// ChannelStore lists the channels that are switched on.
type ChannelStore interface {
	EnabledChannels(ctx context.Context) ([]channel.Channel, error)
}

// Outlets keeps a Sender open for each channel that is switched on.
type Outlets struct {
	store    ChannelStore
	registry *channel.Registry
	log      *zap.Logger

	mu      sync.Mutex
	read    time.Time
	open    map[int64]*outlet
	retired map[*outlet]*time.Timer
}

type outlet struct {
	channel.Channel
	sender channel.Sender
	err    error // why it could not be opened
	// pretends: a placeholder stands in, since credentials are missing.
	pretends bool
	// failing is since when a place does nothing but fail, in Unix nanoseconds; 0: it does not.
	failing atomic.Int64
}

// fares takes over how a place fares as all processes know it.
func (o *outlet) fares(c channel.Channel) {
	since := int64(0)
	if !c.FailingSince.IsZero() {
		since = c.FailingSince.UnixNano()
	}
	o.failing.Store(since)
}

// NewOutlets makes outlets that open on first use. Close them at the end.
func NewOutlets(store ChannelStore, registry *channel.Registry, log *zap.Logger) *Outlets {
	return &Outlets{store: store, registry: registry, log: log, open: make(map[int64]*outlet), retired: make(map[*outlet]*time.Timer)}
}

// errNoOutlet says that no channel of the kind is switched on just now.
var errNoOutlet = errors.New("no channel of this kind is switched on")

// ofKind is the outlet that personal messages of a kind leave by: the first that was set up.
func (o *Outlets) ofKind(ctx context.Context, kind channel.Kind) (*outlet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refresh(ctx); err != nil {
		return nil, err
	}
	first := o.firstOf(kind)
	if first == nil && time.Since(o.read) >= outletsYoung {
		if err := o.reread(ctx); err != nil {
			return nil, err
		}
		first = o.firstOf(kind)
	}
	if first == nil {
		return nil, fmt.Errorf("%s: %w", kind, errNoOutlet)
	}
	return first, first.err
}

// firstOf is the first of a kind that was set up, nil if there is none.
func (o *Outlets) firstOf(kind channel.Kind) *outlet {
	var first *outlet
	for _, candidate := range o.open {
		if candidate.Kind == kind && (first == nil || candidate.ID < first.ID) {
			first = candidate
		}
	}
	return first
}

// byID is the outlet of one broadcast target.
func (o *Outlets) byID(ctx context.Context, id int64) (*outlet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refresh(ctx); err != nil {
		return nil, err
	}
	found, ok := o.open[id]
	if !ok {
		// It may have been switched on since the list was read.
		if err := o.reread(ctx); err != nil {
			return nil, err
		}
		if found, ok = o.open[id]; !ok {
			return nil, errNoOutlet
		}
	}
	return found, found.err
}

// named is the outlet of a channel of the kind, nil if there is none that can be used. A placeholder cannot: whom the real
// provider would have reached in a minute would count as sent, and get nothing.
func (o *Outlets) named(ctx context.Context, name string, kind channel.Kind) (*outlet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refresh(ctx); err != nil {
		return nil, err
	}
	for _, candidate := range o.open {
		if candidate.Name == name && candidate.Kind == kind && candidate.err == nil && !candidate.pretends {
			return candidate, nil
		}
	}
	return nil, nil //nolint:nilnil // the contract: a fallback may be switched off
}

// changed is the outlet of the same channel with other settings, if there is one by now; nil: there is none.
func (o *Outlets) changed(ctx context.Context, old *outlet) (*outlet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.read) >= outletsYoung {
		if err := o.reread(ctx); err != nil {
			return nil, err
		}
	}
	now, ok := o.open[old.ID]
	if !ok || now.Version == old.Version || now.err != nil {
		return nil, nil //nolint:nilnil // the contract
	}
	return now, nil
}

// all is every outlet that could be opened.
func (o *Outlets) all(ctx context.Context) ([]*outlet, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.refresh(ctx); err != nil {
		return nil, err
	}
	var list []*outlet
	for _, candidate := range o.open {
		if candidate.sender != nil {
			list = append(list, candidate)
		}
	}
	return list, nil
}

func (o *Outlets) refresh(ctx context.Context) error {
	if time.Since(o.read) < outletsAge {
		return nil
	}
	return o.reread(ctx)
}

// reread brings the outlets up to date, whatever their age.
func (o *Outlets) reread(ctx context.Context) error {
	list, err := o.store.EnabledChannels(ctx)
	if err != nil {
		return fmt.Errorf("read the channels: %w", err)
	}
	o.read = time.Now()
	wanted := make(map[int64]bool, len(list))
	for _, c := range list {
		wanted[c.ID] = true
		if old, ok := o.open[c.ID]; ok {
			if old.Version == c.Version {
				old.fares(c)
				continue
			}
			o.retire(old)
		}
		opened := &outlet{Channel: c, pretends: o.registry.Placeholder(c)}
		if opened.pretends {
			o.log.Warn("placeholder stands in for a provider, nothing is sent", zap.String("channel", c.Name),
				zap.Strings("missing", o.registry.Missing(c)))
		}
		if opened.sender, opened.err = o.registry.Open(ctx, c); opened.err != nil {
			o.log.Error("channel cannot be opened", zap.String("channel", c.Name), zap.Error(opened.err))
		}
		opened.fares(c)
		o.open[c.ID] = opened
	}
	for id, old := range o.open {
		if !wanted[id] {
			o.retire(old)
			delete(o.open, id)
		}
	}
	return nil
}

// retire closes a sender once its last call must have ended.
func (o *Outlets) retire(old *outlet) {
	if old.sender == nil {
		return
	}
	o.retired[old] = time.AfterFunc(lingering, func() {
		o.mu.Lock()
		_, waits := o.retired[old]
		delete(o.retired, old)
		o.mu.Unlock()
		if waits {
			o.end(old)
		}
	})
}

func (o *Outlets) end(old *outlet) {
	if err := old.sender.Close(); err != nil {
		o.log.Warn("channel not closed", zap.String("channel", old.Name), zap.Error(err))
	}
}

// Close closes every sender, also those that were replaced and still linger. Nothing may be under way any more.
func (o *Outlets) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for old, timer := range o.retired {
		timer.Stop()
		o.end(old)
	}
	for _, old := range o.open {
		if old.sender != nil {
			o.end(old)
		}
	}
	clear(o.retired)
	clear(o.open)
}
