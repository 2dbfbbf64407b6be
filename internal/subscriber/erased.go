package subscriber

// Erased is what was taken away of a person. What counts people, and what proves that nothing more may be sent to them, stays.
type Erased struct {
	// Subscriber: there was one with the address.
	Subscriber bool
	// Messages is how many were to them, Mentions in how many other rows their address stood.
	Messages, Mentions int64
	// Suppressed: the suppression list had not their address before.
	Suppressed bool
}
