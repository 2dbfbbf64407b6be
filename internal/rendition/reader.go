package rendition

// Recipient is what templates see of a subscriber.
type Recipient struct {
	ID, Email, Name, FirstName, Language, Timezone, Country string
	Topics                                                  []string
	// Attributes are values as for template.Engine's Freeze.
	Attributes map[string]any
}

// Links are a reader's own addresses.
type Links struct {
	Unsubscribe, Archive, Preferences string
	// Click stands in front of a link's number: https://host/t/c/<signature>/. If it is empty, as in a
	// preview, links lead where they lead.
	Click string
	// Open is the address of the image that reports an opening; if it is empty there is no image.
	Open string
	// Images stands in front of an uploaded image's id: https://host/p/a/. If it is empty, images go with the message
	// and are named by their ContentID.
	Images string
}

// The names under which templates find what is a reader's own.
const (
	nameSubscriber = "subscriber"
	nameLinks      = "links"
	nameAttributes = "attributes"
)

func (r *Recipient) data() map[string]any {
	return map[string]any{
		"id": r.ID, "email": r.Email, "name": r.Name, "first_name": r.FirstName, "language": r.Language,
		"timezone": r.Timezone, "country": r.Country, "topics": r.Topics, nameAttributes: r.Attributes,
	}
}

// text is one of data's values that are texts.
func (r *Recipient) text(name string) (text string, ok bool) {
	switch name {
	case "id":
		return r.ID, true
	case "email":
		return r.Email, true
	case "name":
		return r.Name, true
	case "first_name":
		return r.FirstName, true
	case "language":
		return r.Language, true
	case "timezone":
		return r.Timezone, true
	case "country":
		return r.Country, true
	}
	return "", false
}

// other is one of data's values that are none; nil if there is none of the name.
func (r *Recipient) other(name string) any {
	switch name {
	case "topics":
		return r.Topics
	case nameAttributes:
		return r.Attributes
	}
	return nil
}

func (l *Links) data() map[string]any {
	return map[string]any{"unsubscribe": l.Unsubscribe, "archive": l.Archive, "preferences": l.Preferences}
}

// text is one of data's values.
func (l *Links) text(name string) (text string, ok bool) {
	switch name {
	case "unsubscribe":
		return l.Unsubscribe, true
	case "archive":
		return l.Archive, true
	case "preferences":
		return l.Preferences, true
	}
	return "", false
}
