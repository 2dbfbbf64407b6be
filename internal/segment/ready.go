package segment

import "slices"

// ReadyMade is a segment that is wanted everywhere: it can be taken over as it is, and changed then.
type ReadyMade struct {
	Key, Name, Description string
	// Rule needs what Needs says to be put in, if that is not empty.
	Rule Rule
	// Needs is "topic" or "country": what has to be named when it is taken over.
	Needs string
}

// ReadyMades are all of them.
func ReadyMades() []ReadyMade {
	return []ReadyMade{
		{
			Key: "high_engagement", Name: "High engagement", Description: "Opened more than 70 % of what they were sent in 12 weeks, of three publications at least.",
			Rule: Engagement{Metric: OpenRate, Weeks: 12, Op: Gt, Value: 0.7, MinSent: 3},
		},
		{
			Key: "inactive_30_days", Name: "Inactive for 30 days", Description: "Were sent something and have neither opened nor clicked anything for 30 days.",
			Rule: Inactive{Days: 30},
		},
		{Key: "by_topic", Name: "Readers of a topic", Description: "Have chosen the topic.", Needs: "topic", Rule: Topic{}},
		{Key: "by_country", Name: "Readers in a country", Description: "Live in the country.", Needs: "country", Rule: Country{}},
	}
}

// FindReadyMade is the one of a key.
func FindReadyMade(key string) (ReadyMade, bool) {
	i := slices.IndexFunc(ReadyMades(), func(r ReadyMade) bool { return r.Key == key })
	if i < 0 {
		return ReadyMade{}, false
	}
	return ReadyMades()[i], true
}

// With is the rule with what it needs put in, which is "" if it needs nothing.
func (r ReadyMade) With(value string) Rule {
	switch r.Needs {
	case "topic":
		return Topic{Slugs: []string{value}}
	case "country":
		return Country{Codes: []string{value}}
	}
	return r.Rule
}
