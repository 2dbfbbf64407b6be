package postgres

import (
	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/webhook"
)

// deletedChannel is the reason of a channel that is off since it is no more.
const deletedChannel channel.Off = "deleted"

// switched is the event that a channel was switched on or off; nothing if it was not.
func switched(before, after channel.Channel) []webhook.Event {
	data := webhook.ChannelData{Channel: after.UID, Kind: string(after.Kind), Provider: after.Provider, Version: after.Version}
	what := webhook.ChannelEnabled
	switch {
	case before.Enabled == after.Enabled:
		return nil
	case !after.Enabled:
		what, data.Reason = webhook.ChannelDisabled, string(after.DisabledReason)
		if at := after.FailingSince; !at.IsZero() && (after.DisabledReason == channel.Failing || after.DisabledReason == channel.Gone) {
			data.FailingSince = &at
		}
	}
	return []webhook.Event{{Type: what, Subject: webhook.SubjectOf("channels", after.UID), Data: data}}
}
