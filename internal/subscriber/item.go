package subscriber

import (
	"github.com/presswork/presswork/internal/bulk"
	"github.com/presswork/presswork/internal/ident"
)

// Item is one of many changes that are asked for in one call.
type Item struct {
	// Err is what is wrong with it as it stands; then nothing else is looked at.
	Err    error
	Action bulk.Action
	// UID is whom an update or a deletion is about.
	UID ident.UID
	// Email is the canonical address that somebody shall have, made or changed.
	Email string
	// New is whom to make.
	New Subscriber
	// Change and Check are asked about the subscriber as they are, of an update and a deletion, and may refuse. Change may be
	// asked twice.
	Change func(Subscriber) (Change, error)
	Check  func(Subscriber) error
}

// Apart reports whether no two items are about the same subscriber or the same address, where before is who they are about as
// they are now: then it makes no difference in which order they are done.
func Apart(items []Item, before map[ident.UID]Subscriber) bool {
	uids, addresses := map[ident.UID]bool{}, map[string]bool{}
	for _, i := range items {
		if i.Err != nil {
			continue
		}
		own := map[string]bool{}
		if i.Action != bulk.Create {
			if uids[i.UID] {
				return false
			}
			uids[i.UID] = true
			if s, there := before[i.UID]; there {
				own[s.Email] = true
			}
		}
		if i.Email != "" {
			own[i.Email] = true
		}
		for address := range own {
			if addresses[address] {
				return false
			}
			addresses[address] = true
		}
	}
	return true
}
