package auth

import "slices"

// Role is what somebody is in the organisation. It decides what they may do: see Permissions.
type Role string

// The roles.
const (
	// Admin may do everything.
	Admin Role = "admin"
	// Publisher writes and publishes, and looks after readers.
	Publisher Role = "publisher"
	// Analyst reads, but nothing about a single reader.
	Analyst Role = "analyst"
	// Ops keeps it running: pauses, queues, dead letters, the operators' listener. Neither texts nor readers.
	Ops Role = "ops"
)

// Roles are all of them.
func Roles() []Role { return []Role{Admin, Publisher, Analyst, Ops} }

// ParseRole reads a role.
func ParseRole(text string) (Role, bool) {
	role := Role(text)
	return role, slices.Contains(Roles(), role)
}

// The one table of roles and permissions. docs/security.md shows it, and a test compares the two.
const (
	publisherMay = 1<<TopicsRead | 1<<TopicsWrite | 1<<SubscribersRead | 1<<SubscribersWrite | 1<<SubscribersExport | 1<<SegmentsRead | 1<<SegmentsWrite |
		1<<ContentsRead | 1<<ContentsWrite | 1<<TemplatesRead | 1<<TemplatesWrite | 1<<AssetsRead | 1<<AssetsWrite |
		1<<ChannelsRead | 1<<SendersRead | 1<<PublicationsRead | 1<<PublicationsWrite | 1<<PublicationsControl |
		1<<PublicationsApprove | 1<<MessagesRead | 1<<MessagesWrite | 1<<RecipientsRead | 1<<AnalyticsRead | 1<<SuppressionsRead | 1<<PausesRead | 1<<PolicyRead | 1<<DeadLettersRead | 1<<UncertainRead | 1<<ReputationRead
	analystMay = 1<<TopicsRead | 1<<SegmentsRead | 1<<ContentsRead | 1<<TemplatesRead | 1<<AssetsRead | 1<<ChannelsRead | 1<<SendersRead |
		1<<PublicationsRead | 1<<AnalyticsRead | 1<<ReputationRead
	opsMay = 1<<ChannelsRead | 1<<ChannelsControl | 1<<MessagesRead | 1<<PublicationsRead | 1<<PublicationsControl | 1<<AnalyticsRead |
		1<<SuppressionsRead | 1<<PausesRead | 1<<PausesWrite | 1<<PolicyRead | 1<<PolicyWrite | 1<<QueuesRead | 1<<DeadLettersRead | 1<<DeadLettersWrite |
		1<<UncertainRead | 1<<UncertainWrite | 1<<WebhooksRead | 1<<WebhooksControl | 1<<ReputationRead | 1<<OpsAccess
)

// Permissions is what the role may do; of a role that this build does not know, nothing.
func (r Role) Permissions() Set {
	switch r {
	case Admin:
		return 1<<permissionCount - 1
	case Publisher:
		return publisherMay
	case Analyst:
		return analystMay
	case Ops:
		return opsMay
	default:
		return 0
	}
}
