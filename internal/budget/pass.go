package budget

// pass is a batch in hand.
type pass struct {
	target *Target
	lane   int
	left   int // recipients that nothing was taken for yet
	wake   func(int)
}

// Take is delivery.Pass's.
func (p *pass) Take(n int) (int, error) {
	t := p.target
	if err := t.shutNow(); err != nil {
		return 0, err
	}
	if probing, got := t.circuit.Load().takeProbe(); probing {
		return got, nil
	}
	if !t.limited.Load() {
		return n, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.budget.now()
	if now >= t.expires {
		t.drop()
	}
	granted := min(n, t.tokens)
	t.tokens -= granted
	p.left = max(p.left-granted, 0)
	if granted == n {
		return granted, nil
	}
	lane := &t.lanes[p.lane]
	if wait := lane.until - now; granted == 0 && wait > worthASlot {
		return 0, t.rateLimited(wait, lane.why)
	}
	lane.short = true
	t.take()
	return granted, nil
}

// Ready is delivery.Pass's.
func (p *pass) Ready() bool {
	t := p.target
	if t.shutNow() != nil {
		return true
	}
	if probing, left := t.circuit.Load().probeLeft(); probing {
		return left
	}
	if !t.limited.Load() {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.budget.now()
	return t.tokens > 0 && now < t.expires || t.lanes[p.lane].until-now > worthASlot
}

// Give is delivery.Pass's.
func (p *pass) Give(n int) {
	t := p.target
	if n <= 0 || t.giveProbe() || !t.limited.Load() {
		return
	}
	t.mu.Lock()
	t.tokens += n
	p.left += n
	t.mu.Unlock()
	t.wakeAll(n)
}

// Shut is delivery.Pass's.
func (p *pass) Shut() error { return p.target.shutNow() }

// Leave is delivery.Pass's.
func (p *pass) Leave() {
	t := p.target
	t.mu.Lock()
	delete(t.passes, p)
	idle := len(t.passes) == 0
	t.poke()
	t.mu.Unlock()
	t.used.Store(int64(t.budget.now()))
	t.inHand.Add(-1)
	if idle && !t.spec.Load().breaks {
		t.budget.forget(t)
	}
}
