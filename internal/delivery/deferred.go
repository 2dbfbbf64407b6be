package delivery

import "time"

// DeferredCount is how many deliveries of a publication are put off on a channel for the same reason.
type DeferredCount struct {
	Channel int16
	Reason  Reason
	Count   int64
	// Due of them have come to their time: they are looked at within seconds, unless the publication is paused.
	Due int64
	// First and Last are when the first and the last of them are looked at again.
	First, Last time.Time
}
