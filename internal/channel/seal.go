package channel

import "github.com/presswork/presswork/internal/ident"

// SealState says whether a channel's secrets can be opened, and with what.
type SealState string

// The states.
const (
	// SealedNewest: with the key that seals now.
	SealedNewest SealState = "newest"
	// SealedPrevious: with an earlier key that is still at hand.
	SealedPrevious SealState = "previous"
	// SealedLost: with none of the keys at hand.
	SealedLost SealState = "unreadable"
)

// Seal is how the secrets of a channel are sealed.
type Seal struct {
	UID     ident.UID `json:"id"`
	Name    string    `json:"name"`
	Enabled bool      `json:"enabled"`
	// Key is the id of the key, which says nothing about the key itself.
	Key   string    `json:"key"`
	State SealState `json:"state"`
}
