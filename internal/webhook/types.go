package webhook

import (
	"slices"
	"strings"
)

// Type is what happened. The names are a closed list: one that was published stays what it is, and new ones are added.
type Type string

// The types, by what they are about. Types has a line about each.
const (
	PublicationDrafted          Type = "publication.drafted"
	PublicationApprovalRequired Type = "publication.approval_required"
	PublicationApproved         Type = "publication.approved"
	PublicationRejected         Type = "publication.rejected"
	PublicationScheduled        Type = "publication.scheduled"
	PublicationQueued           Type = "publication.queued"
	PublicationSending          Type = "publication.sending"
	PublicationPaused           Type = "publication.paused"
	PublicationResumed          Type = "publication.resumed"
	PublicationCompleted        Type = "publication.completed"
	PublicationFailed           Type = "publication.failed"
	PublicationCancelled        Type = "publication.cancelled"
	PublicationDeleted          Type = "publication.deleted"

	DeliverySent         Type = "delivery.sent"
	DeliveryDelivered    Type = "delivery.delivered"
	DeliveryFailed       Type = "delivery.failed"
	DeliveryUncertain    Type = "delivery.uncertain"
	DeliverySkipped      Type = "delivery.skipped"
	DeliverySuppressed   Type = "delivery.suppressed"
	DeliveryDeferred     Type = "delivery.deferred"
	DeliveryReopened     Type = "delivery.reopened"
	DeliveryBounced      Type = "delivery.bounced"
	DeliveryComplained   Type = "delivery.complained"
	DeliveryOpened       Type = "delivery.opened"
	DeliveryClicked      Type = "delivery.clicked"
	DeliveryUnsubscribed Type = "delivery.unsubscribed"

	ChannelEnabled  Type = "channel.enabled"
	ChannelDisabled Type = "channel.disabled"

	EndpointDisabled Type = "webhook_endpoint.disabled"

	// Test is posted to an endpoint that is verified, and to no other: it cannot be subscribed to.
	Test Type = "presswork.test"
)

// Kind describes a type.
type Kind struct {
	Type Type
	// About is one sentence: when the event comes.
	About string
	// Data is an empty value of what its data is.
	Data any
}

// Types is the catalogue: every type there is, in the order in which it is shown.
func Types() []Kind {
	return slices.Concat(publicationTypes(), deliveryTypes(), []Kind{
		{ChannelEnabled, "A channel was switched on, or made so.", ChannelData{}},
		{ChannelDisabled, "A channel that was on was switched off or deleted.", ChannelData{}},
		{EndpointDisabled, "Another webhook endpoint was switched off: it answered 410, failed for five days, or its owner did it.", EndpointData{}},
		{Test, "A test, posted to an endpoint that is being verified. Nothing happened.", TestData{}},
	})
}

func publicationTypes() []Kind {
	var none PublicationData
	return []Kind{
		{PublicationDrafted, "A publication was stored as a draft, or is a draft again.", none},
		{PublicationApprovalRequired, "A publication waits for somebody else to approve it. A change that asks anew says so again.", none},
		{PublicationApproved, "A publication was approved. That it is queued or scheduled comes as an event of its own.", none},
		{PublicationRejected, "A publication was not approved, and stays a draft.", none},
		{PublicationScheduled, "A publication has a time to go out at. A change of a scheduled one says so again.", none},
		{PublicationQueued, "A publication is to be sent now: it was accepted, or its time has come.", none},
		{PublicationSending, "A publication's sending begins, or goes on after it was completed, since recipients are owed again.", none},
		{PublicationPaused, "A publication is paused, and nothing of it is under way any more.", none},
		{PublicationResumed, "A paused publication goes on: to where it was.", none},
		{PublicationCompleted, "Everybody is accounted for. The state says whether somebody failed.", none},
		{PublicationFailed, "A publication cannot be rendered: nobody gets it.", none},
		{PublicationCancelled, "A publication is cancelled, and nothing of it is under way any more.", none},
		{PublicationDeleted, "A publication that had not begun was deleted. The state is the one that it had.", none},
	}
}

func deliveryTypes() []Kind {
	var none DeliveryData
	return []Kind{
		{DeliverySent, "The provider accepted a message.", none},
		{DeliveryDelivered, "The provider says that a message was delivered.", none},
		{DeliveryFailed, "A delivery failed for good, and has a dead letter.", none},
		{DeliveryUncertain, "A provider may or may not have accepted a message.", none},
		{DeliverySkipped, "Nothing was sent to a recipient; the reason says why.", none},
		{DeliverySuppressed, "Nothing was sent to a recipient, whose address is on the suppression list.", none},
		{DeliveryDeferred, "A message is to be sent later; the reason says why, and until when.", none},
		{DeliveryReopened, "A failed or uncertain delivery is owed again.", none},
		{DeliveryBounced, "A message was returned for good.", none},
		{DeliveryComplained, "A recipient called a message spam.", none},
		{DeliveryOpened, "A message was opened; it may be again.", ReactionData{}},
		{DeliveryClicked, "A link of a message was followed; it may be again.", ReactionData{}},
		{DeliveryUnsubscribed, "A recipient unsubscribed by a message: from everything, or from some of its topics.", ReactionData{}},
	}
}

// Subscriptions is what an endpoint can ask for: every type but Test, and every group of them as "publication.*". Asking for
// nothing in particular is asking for all.
func Subscriptions() []string {
	var list []string
	for _, k := range Types() {
		if k.Type == Test {
			continue
		}
		if group := k.Type.group(); !slices.Contains(list, group) {
			list = append(list, group)
		}
		list = append(list, string(k.Type))
	}
	return list
}

// group is the name of all types that are about the same.
func (t Type) group() string {
	about, _, _ := strings.Cut(string(t), ".")
	return about + ".*"
}

// Takes reports whether an endpoint that asks for some subscriptions takes a type. The function webhook_takes of the
// database says the same.
func (t Type) Takes(subscriptions []string) bool {
	return len(subscriptions) == 0 || slices.Contains(subscriptions, string(t)) || slices.Contains(subscriptions, t.group())
}
