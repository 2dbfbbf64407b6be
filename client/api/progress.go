package api

// Final reports a state that nothing leaves, but for a replay of dead letters, which makes a completed one sending again.
func (s PublicationState) Final() bool {
	switch s {
	case PublicationStateCompleted, PublicationStateCompletedWithFailures, PublicationStateCancelled, PublicationStateFailed:
		return true
	default:
		return false
	}
}

// Final reports a state that nothing leaves.
func (s ReplayState) Final() bool {
	return s == ReplayStateCompleted || s == ReplayStateStopped || s == ReplayStateCancelled
}

// Settled is how many have a fate.
func (c Counts) Settled() int64 { return c.Sent + c.Failed + c.Skipped + c.Uncertain }

// Channel is the counts of one channel; zero if the publication does not use it.
func (p Progress) Channel(kind ChannelKindSeen) Counts {
	for _, c := range p.Channels {
		if c.Channel == kind {
			return c
		}
	}
	return Counts{Channel: kind}
}
