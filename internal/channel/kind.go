// Package channel says what a channel is: a way out of Presswork (e-mail, newsletter, Slack, Discord,
// webhook), the message it carries, and the one interface that every provider adapter implements.
//
// A new channel is a folder below internal/provider and a line in the wiring (internal/app).
package channel

import "fmt"

// Kind is what a publication names in its channels.
type Kind string

// The kinds of channels.
const (
	Email      Kind = "email"
	Newsletter Kind = "newsletter"
	Slack      Kind = "slack"
	Discord    Kind = "discord"
	Webhook    Kind = "webhook"
)

// kinds in the order of their ids in the ledger, which never change.
var kinds = [...]Kind{1: Email, 2: Newsletter, 3: Slack, 4: Discord, 5: Webhook}

// Kinds is every kind, in a fixed order.
func Kinds() []Kind { return append([]Kind(nil), kinds[1:]...) }

// ParseKind reads a kind's name.
func ParseKind(name string) (Kind, error) {
	for _, k := range kinds[1:] {
		if string(k) == name {
			return k, nil
		}
	}
	return "", fmt.Errorf("unknown channel %q", name)
}

// KindOf is the kind with this id in the ledger.
func KindOf(id int16) (Kind, error) {
	if id < 1 || int(id) >= len(kinds) {
		return "", fmt.Errorf("unknown channel id %d", id)
	}
	return kinds[id], nil
}

// ID is the kind's number in the ledger, 0 for an unknown kind.
func (k Kind) ID() int16 {
	for id, known := range kinds {
		if id > 0 && known == k {
			return int16(id)
		}
	}
	return 0
}

// Personal reports whether each subscriber gets a message of their own. The other kinds are broadcasts:
// one message for each configured target.
func (k Kind) Personal() bool { return k == Email || k == Newsletter }

// MaxItems is how many content items one message carries: what one e-mail is read for, and a digest's length.
func (k Kind) MaxItems() int {
	if k == Email {
		return 3
	}
	return 5
}
