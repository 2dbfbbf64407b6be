package delivery

// Absence says why somebody is no recipient of a publication: a closed list, documented in docs/architecture.md.
type Absence string

// The reasons. What is told of a subscriber is told as they are now: what they were when the audience was expanded is not
// kept of somebody who was not in it.
const (
	// ChannelNotUsed: the publication has no channel that could reach them.
	ChannelNotUsed Absence = "channel_not_used"
	// Excluded: the publication leaves them out by name.
	Excluded Absence = "excluded"
	// NotNamed: the publication is for others, by name.
	NotNamed Absence = "not_named"
	// NotYet: the audience was not expanded, or not up to them.
	NotYet Absence = "not_yet"
	// NeverExpanded: the publication ended before the audience was expanded up to them.
	NeverExpanded Absence = "never_expanded"
	// TooLate: became a subscriber after the audience was frozen.
	TooLate Absence = "too_late"
	// NotActive: has unsubscribed, or never confirmed.
	NotActive Absence = "not_active"
	// NoTopic: has none of the topics that the publication is for.
	NoTopic Absence = "no_topic"
	// NoSegment: belongs to none of the segments that the publication is for, or to one that it leaves out.
	NoSegment Absence = "no_segment"
	// ChangedSince: would be in the audience now, and was not when it was expanded.
	ChangedSince Absence = "changed_since"
	// NotEnabled: the place was switched off, or not there yet, when sending began.
	NotEnabled Absence = "not_enabled"
)

// Absences is every reason.
func Absences() []Absence {
	return []Absence{ChannelNotUsed, Excluded, NotNamed, NotYet, NeverExpanded, TooLate, NotActive, NoTopic, NoSegment, ChangedSince, NotEnabled}
}

// Outsider is what decides why somebody is no recipient.
type Outsider struct {
	// Personal says that it is a subscriber, and no place.
	Personal bool
	// Reachable: the publication has a channel for them.
	Reachable bool
	// Excluded and Unnamed are as the publication says.
	Excluded, Unnamed bool
	// Beyond: they came after the audience was frozen. Passed: the expansion has passed them.
	Beyond, Passed bool
	// Ended: the publication is final, and nothing more is expanded.
	Ended bool
	// Active and Fitting are as they are now; who is named fits. Elsewhere: not in the segments.
	Active, Fitting, Elsewhere bool
}

// Why is the first reason that holds.
func (o Outsider) Why() Absence {
	switch {
	case !o.Reachable:
		return ChannelNotUsed
	case o.Excluded:
		return Excluded
	case o.Unnamed:
		return NotNamed
	case o.Beyond:
		return TooLate
	case !o.Passed && o.Ended:
		return NeverExpanded
	case !o.Passed:
		return NotYet
	case !o.Personal:
		return NotEnabled
	case !o.Active:
		return NotActive
	case !o.Fitting:
		return NoTopic
	case o.Elsewhere:
		return NoSegment
	default:
		return ChangedSince
	}
}
