package auth

import "slices"

// Permission is one thing that a caller may do. Its text, "resource:verb", is a scope of keys and tokens, and part of
// the API: it never changes its meaning.
type Permission uint8

// The closed list.
const (
	TopicsRead Permission = iota
	TopicsWrite
	SubscribersRead
	SubscribersWrite
	// SubscribersExport is all readers at once.
	SubscribersExport
	SegmentsRead
	SegmentsWrite
	ContentsRead
	ContentsWrite
	TemplatesRead
	TemplatesWrite
	AssetsRead
	AssetsWrite
	ChannelsRead
	// ChannelsWrite sets their credentials as well.
	ChannelsWrite
	// ChannelsControl switches channels on and off.
	ChannelsControl
	SendersRead
	SendersWrite
	PublicationsRead
	// PublicationsWrite is publishing.
	PublicationsWrite
	// PublicationsControl pauses, resumes and cancels.
	PublicationsControl
	// PublicationsApprove lets what another person made be sent.
	PublicationsApprove
	MessagesRead
	// MessagesWrite sends to anybody, whether they subscribed or not.
	MessagesWrite
	// RecipientsRead is what became of a publication at each single reader.
	RecipientsRead
	AnalyticsRead
	SuppressionsRead
	SuppressionsWrite
	PausesRead
	PausesWrite
	PolicyRead
	// PolicyWrite says when readers may be sent to, and how much.
	PolicyWrite
	QueuesRead
	DeadLettersRead
	DeadLettersWrite
	UncertainRead
	UncertainWrite
	APIKeysRead
	APIKeysWrite
	WebhooksRead
	// WebhooksWrite says who is told of everything that happens.
	WebhooksWrite
	// WebhooksControl switches endpoints on and off, tests them, and posts events again.
	WebhooksControl
	// AuditRead is who did what.
	AuditRead
	// ReputationRead is how mail is received.
	ReputationRead
	// ReputationWrite says what bounces and complaints are held against.
	ReputationWrite
	// OpsAccess is the operators' listener: metrics, profiles, Asynqmon, draining.
	OpsAccess

	permissionCount
)

// scopes are the texts of the permissions.
func scopes() []string {
	return []string{ //nolint:gosec // the names of permissions
		TopicsRead: "topics:read", TopicsWrite: "topics:write",
		SubscribersRead: "subscribers:read", SubscribersWrite: "subscribers:write", SubscribersExport: "subscribers:export",
		SegmentsRead: "segments:read", SegmentsWrite: "segments:write",
		ContentsRead: "contents:read", ContentsWrite: "contents:write",
		TemplatesRead: "templates:read", TemplatesWrite: "templates:write",
		AssetsRead: "assets:read", AssetsWrite: "assets:write",
		ChannelsRead: "channels:read", ChannelsWrite: "channels:write", ChannelsControl: "channels:control",
		SendersRead: "senders:read", SendersWrite: "senders:write",
		PublicationsRead: "publications:read", PublicationsWrite: "publications:write", PublicationsControl: "publications:control",
		PublicationsApprove: "publications:approve", MessagesRead: "messages:read", MessagesWrite: "messages:write",
		RecipientsRead: "recipients:read", AnalyticsRead: "analytics:read",
		SuppressionsRead: "suppressions:read", SuppressionsWrite: "suppressions:write",
		PausesRead: "pauses:read", PausesWrite: "pauses:write", QueuesRead: "queues:read",
		PolicyRead: "delivery-policy:read", PolicyWrite: "delivery-policy:write",
		DeadLettersRead: "dead-letters:read", DeadLettersWrite: "dead-letters:write",
		UncertainRead: "uncertain:read", UncertainWrite: "uncertain:write",
		APIKeysRead: "api-keys:read", APIKeysWrite: "api-keys:write",
		WebhooksRead: "webhooks:read", WebhooksWrite: "webhooks:write", WebhooksControl: "webhooks:control",
		AuditRead:      "audit:read",
		ReputationRead: "reputation:read", ReputationWrite: "reputation:write",
		OpsAccess: "ops:access",
	}
}

// Permissions is every permission, in the order of the list.
func Permissions() []Permission {
	all := make([]Permission, permissionCount)
	for i := range all {
		all[i] = Permission(i)
	}
	return all
}

// String is the permission as a scope: "topics:read".
func (p Permission) String() string {
	if p >= permissionCount {
		return "unknown"
	}
	return scopes()[p]
}

// ParsePermission reads a scope.
func ParsePermission(text string) (Permission, bool) {
	i := slices.Index(scopes(), text)
	return Permission(max(i, 0)), i >= 0 //nolint:gosec // as many as there are
}

// Set is a set of permissions.
type Set uint64

// SetOf is the set of these.
func SetOf(list ...Permission) Set {
	var s Set
	for _, p := range list {
		s |= 1 << p
	}
	return s
}

// Has reports whether p is in the set.
func (s Set) Has(p Permission) bool { return p < permissionCount && s&(1<<p) != 0 }

// Contains reports whether all of other are in the set.
func (s Set) Contains(other Set) bool { return s&other == other }

// List is the set in the order of the closed list.
func (s Set) List() []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return !s.Has(p) })
}
