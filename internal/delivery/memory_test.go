package delivery

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/presswork/presswork/internal/fault"
)

// memory is a Ledger in memory with the rules of the real one, for tests of the engine alone. The real one is
// tested in internal/postgres, both together in internal/e2e.
type memory struct {
	mu       sync.Mutex
	batches  map[int64]*memoryBatch
	rows     map[int64]*memoryRow // by recipient
	sessions map[int64]*memorySession
	control  Control
	failing  error // returned by every Flush
	nudges   int
	polls    chan struct{} // one for each Control
}

type memoryBatch struct {
	Batch
	state string
	until time.Time
}

type memoryRow struct {
	state   State
	attempt int16
	reason  Reason
	session int64
	dead    *DeadLetter
	until   time.Time // of who is in doubt, or put off
	closes  time.Time // when quiet hours begin, for an hour
}

type memorySession struct {
	flush    int64
	inflight []Window
	ended    bool
}

// newMemory holds recipients 1 to n in batches of a size, all of publication 1 on channel 1.
func newMemory(n, size int) *memory {
	m := &memory{batches: map[int64]*memoryBatch{}, rows: map[int64]*memoryRow{}, sessions: map[int64]*memorySession{},
		polls: make(chan struct{})}
	for lo := 0; lo < n; lo += size {
		id := int64(len(m.batches) + 1)
		m.batches[id] = &memoryBatch{state: "ready", Batch: Batch{ID: id, Publication: 1, Channel: 1, Lane: 1, Gen: 1,
			Lo: int64(lo), Hi: int64(min(lo+size, n))}}
	}
	for i := 1; i <= n; i++ {
		m.rows[int64(i)] = &memoryRow{}
	}
	return m
}

func (m *memory) OpenSession(context.Context, string, time.Duration) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := int64(len(m.sessions) + 1)
	m.sessions[id] = &memorySession{}
	return id, nil
}

func (m *memory) CloseSession(_ context.Context, id int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[id].ended = true
	return nil
}

func (m *memory) Claim(_ context.Context, session, batch int64, gen, token int) (*Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.batches[batch]
	if b == nil || b.Gen != gen || b.state != "ready" || m.control.Stopped[b.Publication] {
		return nil, nil
	}
	if m.sessions[session].ended {
		return nil, fault.WaitFor(time.Second, "not_due", nil)
	}
	b.state, b.Session = "claimed", session
	b.Token = token
	claimed := b.Batch
	return &claimed, nil
}

func (m *memory) Owed(_ context.Context, b *Batch) ([]Recipient, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var owed []Recipient
	for id := b.Lo + 1; id <= b.Hi; id++ {
		if row := m.rows[id]; row.state == Pending {
			r := Recipient{ID: id, Attempt: row.attempt, Email: "x", Until: row.until, InDoubt: !row.until.IsZero(), Closes: row.closes}
			if !row.closes.IsZero() && !time.Now().Before(row.closes) {
				r.HeldFor, r.HeldUntil, r.Closes = QuietHours, row.closes.Add(time.Hour), time.Time{}
			}
			owed = append(owed, r)
		}
	}
	return owed, nil
}

func (m *memory) Flush(_ context.Context, f Flush) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[f.Session]
	if m.failing != nil {
		return m.failing
	}
	if s.ended || s.flush != f.Number-1 {
		return ErrFenced
	}
	s.flush, s.inflight = f.Number, slices.Clone(f.InFlight)
	for _, o := range f.Outcomes {
		row := m.rows[o.Recipient]
		if row.state != Pending {
			return ErrFenced
		}
		*row = memoryRow{state: o.State, attempt: o.Attempt, reason: o.Reason, session: f.Session, dead: o.Dead, until: o.Until}
	}
	return nil
}

func (m *memory) SettleLate(_ context.Context, session int64, outcomes []Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range outcomes {
		if row := m.rows[o.Recipient]; row.state == Uncertain && row.session == session {
			row.state, row.reason = o.State, o.Reason
		}
	}
	return nil
}

func (m *memory) Release(_ context.Context, b *Batch, wait time.Duration) (Released, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.batches[b.ID]
	if mine.Token != b.Token || mine.state != "claimed" || mine.Session != b.Session {
		return Released{}, ErrFenced
	}
	r := Released{Stopped: m.control.Stopped[b.Publication]}
	for id := b.Lo + 1; id <= b.Hi; id++ {
		r.Size++
		switch m.rows[id].state {
		case Pending:
			r.Pending++
		case Failed:
			r.Failed++
		default:
		}
	}
	mine.state, mine.until = "done", time.Now().Add(wait)
	if r.Done = r.Pending == 0; !r.Done {
		mine.state = "ready"
		mine.Gen++
		m.nudges++
	}
	return r, nil
}

func (m *memory) PutOff(_ context.Context, b *Batch, wait time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.batches[b.ID]
	if mine.Token != b.Token || mine.state != "claimed" || mine.Session != b.Session {
		return ErrFenced
	}
	mine.state, mine.until = "ready", time.Now().Add(wait)
	return nil
}

func (m *memory) Advance(context.Context, int64) error { return nil }

func (m *memory) Control(_ context.Context, h InHand) (Control, error) {
	select {
	case m.polls <- struct{}{}:
	default:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.control
	c.Revoked = maps.Clone(c.Revoked)
	maps.DeleteFunc(c.Revoked, func(id int64, _ time.Time) bool { return !slices.Contains(h.Readers, id) })
	return c, nil
}

// set changes the controls and returns once the engine has them: at the second poll after the change, what the
// first one read is stored.
func (m *memory) set(c Control) {
	m.mu.Lock()
	m.control = c
	m.mu.Unlock()
	<-m.polls
	<-m.polls
}

// takeOver ends a session as the real ledger does.
func (m *memory) takeOver(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[id]
	s.ended = true
	for _, w := range s.inflight {
		for r := w.After + 1; r <= w.Through; r++ {
			if row := m.rows[r]; row.state == Pending {
				row.state, row.reason, row.session = Uncertain, ProcessDied, id
			}
		}
	}
	for _, b := range m.batches {
		if b.state == "claimed" && b.Session == id {
			b.state = "ready"
			b.Gen++
		}
	}
}

func (m *memory) count(state State) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, row := range m.rows {
		if row.state == state {
			n++
		}
	}
	return n
}

// listed reports whether a recipient is on a living session's list.
func (m *memory) listed(recipient int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		for _, w := range s.inflight {
			if recipient > w.After && recipient <= w.Through {
				return true
			}
		}
	}
	return false
}

// listedNow is how many recipients stand on in-flight lists.
func (m *memory) listedNow() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int64(0)
	for _, s := range m.sessions {
		for _, w := range s.inflight {
			n += w.Through - w.After
		}
	}
	return int(n)
}

// next is a batch that can be claimed, with its generation.
func (m *memory) next() (batch int64, gen int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, b := range m.batches {
		if b.state == "ready" {
			return id, b.Gen, true
		}
	}
	return 0, 0, false
}
