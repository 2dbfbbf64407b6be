package webhook

import (
	"time"

	"github.com/presswork/presswork/internal/ident"
)

// What events carry: ids, states, counts, reasons and times. There is never an address, a name or a text of a person, so that
// events can be kept, and passed on, after that person was erased.

// PublicationData is a publication as it was after what happened.
type PublicationData struct {
	Publication ident.UID `json:"publication"`
	State       string    `json:"state"`
	Version     int       `json:"version"`
	// ScheduledAt, StartedAt and EndedAt are absent if there is no such time.
	ScheduledAt *time.Time `json:"scheduled_at,omitempty"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	// Failure is why Presswork itself ended or paused it.
	Failure string `json:"failure,omitempty"`
	// Counts are of what was sending when it was paused, completed or cancelled.
	Counts *Counts `json:"counts,omitempty"`
}

// Counts are recipients of a publication over all its channels.
type Counts struct {
	// Recipients is how many there are so far: all, once everybody is accounted for.
	Recipients int64 `json:"recipients"`
	Sent       int64 `json:"sent"`
	Failed     int64 `json:"failed"`
	Uncertain  int64 `json:"uncertain"`
	Skipped    int64 `json:"skipped"`
}

// DeliveryData is a delivery as it was after what happened.
type DeliveryData struct {
	Publication ident.UID `json:"publication"`
	Channel     string    `json:"channel"`
	// Recipient is the subscriber, or the channel that is a place; absent if it is no more.
	Recipient *ident.UID `json:"recipient,omitempty"`
	State     string     `json:"state"`
	// Reason is of the closed list of reasons, absent for none.
	Reason string `json:"reason,omitempty"`
	// Until is when a deferred one is looked at again.
	Until *time.Time `json:"until,omitempty"`
	// ErrorCode is that of its dead letter.
	ErrorCode string `json:"error_code,omitempty"`
	// Attempts is how many were made since it was owed.
	Attempts int `json:"attempts"`
}

// ReactionData is what a recipient did with a message.
type ReactionData struct {
	Publication ident.UID  `json:"publication"`
	Channel     string     `json:"channel"`
	Recipient   *ident.UID `json:"recipient,omitempty"`
	// Link is where the link leads that was followed.
	Link string `json:"link,omitempty"`
	// All says that an unsubscription is from everything; absent: from some of the publication's topics.
	All bool `json:"all,omitempty"`
}

// ChannelData is a channel that was switched.
type ChannelData struct {
	Channel  ident.UID `json:"channel"`
	Kind     string    `json:"kind"`
	Provider string    `json:"provider"`
	Version  int       `json:"version"`
	// Reason is why it is off: "client", "gone", "failing" or "deleted"; absent if it is on.
	Reason string `json:"reason,omitempty"`
	// FailingSince is the first of the failures that nothing but failures followed, if that is why.
	FailingSince *time.Time `json:"failing_since,omitempty"`
}

// EndpointData is a webhook endpoint that was switched off.
type EndpointData struct {
	Endpoint ident.UID `json:"endpoint"`
	// Reason is "client", "gone" (it answered 410) or "failing".
	Reason string `json:"reason"`
	// FailingSince is the first of the failures that nothing but failures followed.
	FailingSince *time.Time `json:"failing_since,omitempty"`
}

// TestData says which endpoint is being verified.
type TestData struct {
	Endpoint ident.UID `json:"endpoint"`
}
