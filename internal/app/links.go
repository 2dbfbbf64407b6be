package app

import (
	"time"

	"github.com/presswork/presswork/internal/token"
)

// links makes the addresses in our own letters.
type links struct {
	tickets   *token.Tickets
	publicURL string
}

// ConfirmLink leads to where a request is confirmed.
func (l links) ConfirmLink(subscriber, request int64, until time.Time) string {
	return l.publicURL + "/p/confirm/" + l.tickets.Sign(token.Ticket{Use: token.Confirm, Subscriber: subscriber, Request: request, Until: until})
}

// PreferLink leads to a reader's preferences.
func (l links) PreferLink(subscriber int64, until time.Time) string {
	return l.publicURL + "/p/preferences/" + l.tickets.Sign(token.Ticket{Use: token.Prefer, Subscriber: subscriber, Until: until})
}
