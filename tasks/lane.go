package tasks

// Lane separates urgent, normal and bulk work, so that none waits behind the next. The lane of a
// publication follows its priority and the size of its audience.
type Lane int16

// The lanes, most urgent first.
const (
	LaneCritical Lane = iota
	LaneNormal
	LaneBulk
)

// String is the lane as it stands in logs and metrics.
func (l Lane) String() string {
	switch l {
	case LaneCritical:
		return "critical"
	case LaneBulk:
		return "bulk"
	default:
		return "normal"
	}
}

// Queue names.
const (
	QueueCritical        = "critical"
	QueueRender          = "render"
	QueuePersonalize     = "personalize"
	QueueEmail           = "email"
	QueueNewsletter      = "newsletter"
	QueueSlack           = "slack"
	QueueDiscord         = "discord"
	QueueWebhook         = "webhook"
	QueueRenderBulk      = "render-bulk"
	QueuePersonalizeBulk = "personalize-bulk"
	QueueEmailBulk       = "email-bulk"
	QueueNewsletterBulk  = "newsletter-bulk"
	QueueAnalytics       = "analytics"
	QueueMaintenance     = "maintenance"
)

// Queues is every queue with its default weight: how often a free worker slot looks there first,
// relative to the others.
func Queues() map[string]int {
	return map[string]int{
		QueueCritical: 10,
		QueueRender:   6, QueuePersonalize: 5,
		QueueEmail: 5, QueueNewsletter: 3, QueueSlack: 4, QueueDiscord: 4, QueueWebhook: 4,
		QueueRenderBulk: 2, QueuePersonalizeBulk: 2, QueueEmailBulk: 2, QueueNewsletterBulk: 2,
		QueueAnalytics: 2, QueueMaintenance: 1,
	}
}

// byLane picks the queue of a lane: critical work of every kind shares one queue, and only the kinds
// that grow with the audience have a bulk queue.
func byLane(lane Lane, normal, bulk string) string {
	switch lane {
	case LaneCritical:
		return QueueCritical
	case LaneBulk:
		return bulk
	default:
		return normal
	}
}
