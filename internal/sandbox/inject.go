package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// faults holds the faults in force, by provider.
type faults struct {
	mu sync.Mutex
	by map[string][]*injected
}

// injected is a fault at work: its chances and its bucket.
type injected struct {
	Fault
	chance *rand.Rand
	bucket bucket
}

// set replaces the provider's faults; none at all clears them.
func (f *faults) set(provider string, list []Fault) {
	working := make([]*injected, len(list))
	for i, fault := range list {
		working[i] = &injected{
			Fault:  fault,
			chance: rand.New(rand.NewPCG(fault.Seed, uint64(i))), // to be repeated, not secret
			bucket: newBucket(fault.RatePerSecond, fault.Burst),
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.by[provider] = working
}

// list returns the provider's faults.
func (f *faults) list(provider string) []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Fault, 0, len(f.by[provider]))
	for _, fault := range f.by[provider] {
		list = append(list, fault.Fault)
	}
	return list
}

// judge decides what happens to a request for the recipient: the first fault that matches applies.
func (f *faults) judge(provider, to string) verdict {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.by[provider] {
		if strings.Contains(to, fault.Match) {
			return fault.judge(time.Now())
		}
	}
	return verdict{}
}

// outage says whether the whole provider is down, whoever the recipient.
func (f *faults) outage(provider string) Outage {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.by[provider] {
		if fault.Match == "" {
			return fault.Outage
		}
	}
	return Up
}

// atRecipient says whether a fault wants SMTP recipients judged one by one, and for which.
func (f *faults) atRecipient(to string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.by[ProviderSMTP] {
		if strings.Contains(to, fault.Match) {
			return fault.AtRecipient
		}
	}
	return false
}

// Inject replaces the faults of a provider. Of several, the first that matches a recipient applies. It
// fails, changing nothing, if there is no such provider or a fault means nothing.
func (s *Sandbox) Inject(provider string, list ...Fault) error {
	if !slices.Contains(Providers(), provider) {
		return fmt.Errorf("inject: no provider %q", provider)
	}
	for _, fault := range list {
		if err := fault.check(); err != nil {
			return fmt.Errorf("inject into %s: %w", provider, err)
		}
	}
	s.faults.set(provider, list)
	return nil
}

// Clear takes every fault away.
func (s *Sandbox) Clear() {
	for _, provider := range Providers() {
		s.faults.set(provider, nil)
	}
}

// Faults returns the faults in force by provider.
func (s *Sandbox) Faults() map[string][]Fault {
	all := map[string][]Fault{}
	for _, provider := range Providers() {
		if list := s.faults.list(provider); len(list) > 0 {
			all[provider] = list
		}
	}
	return all
}
