package analytics

import "time"

// Count is how often something of one kind happened on one channel in one hour.
type Count struct {
	Channel int16
	Kind    Kind
	// Hour is when it begins, in UTC.
	Hour  time.Time
	Total int64
	// Uniques is how many recipients did it for the first time in this hour: over all hours each is counted once.
	Uniques int64
}

// Sum is how often something happened, and by how many recipients.
type Sum struct {
	Total, Uniques int64
}

// Stats are a publication's counters, by channel, kind and hour.
type Stats []Count

// Of is the sum over all hours of a kind on a channel.
func (s Stats) Of(channel int16, kind Kind) Sum {
	var sum Sum
	for _, c := range s {
		if c.Channel == channel && c.Kind == kind {
			sum.Total += c.Total
			sum.Uniques += c.Uniques
		}
	}
	return sum
}

// Rate is the share of recipients who did it, of those who were sent to; 0 if nobody was.
func (s Sum) Rate(sent int64) float64 {
	if sent <= 0 {
		return 0
	}
	return float64(s.Uniques) / float64(sent)
}
