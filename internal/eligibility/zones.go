package eligibility

import (
	"sync"
	"time"
)

// maxZones bounds what is remembered: the IANA database has some 600 names, and readers' timezones are of it.
const maxZones = 1000

// Zones are the clocks of the world, each read once: looking one up in the machine's database takes as long as sending a
// mail. The zero value is ready to use, by many at once.
type Zones struct {
	mu    sync.RWMutex
	known map[string]*time.Location
}

// Zone is the one of a name, UTC if there is none.
func (z *Zones) Zone(name string) *time.Location {
	z.mu.RLock()
	zone, known := z.known[name]
	z.mu.RUnlock()
	if known {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which would be the machine's own
		zone = time.UTC
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.known == nil || len(z.known) >= maxZones {
		z.known = make(map[string]*time.Location)
	}
	z.known[name] = zone
	return zone
}
