package template

import "sort"

// Shape describes data that a template may read: a value, a list of equal shapes, or named fields.
type Shape struct {
	// Fields are the named parts of an object.
	Fields map[string]Shape
	// Elem is the shape of a list's elements.
	Elem *Shape
	// Open says that parts which are not named may be there too: free maps.
	Open bool
}

// Value is the shape of a string, number, date or truth value.
func Value() Shape { return Shape{} }

// Free is the shape of data whose parts are not known beforehand.
func Free() Shape { return Shape{Open: true} }

// ListOf is the shape of a list.
func ListOf(elem Shape) Shape { return Shape{Elem: &elem} }

// Object is the shape of named fields.
func Object(fields map[string]Shape) Shape { return Shape{Fields: fields} }

// names are the field names, sorted.
func (s Shape) names() []string {
	out := make([]string, 0, len(s.Fields))
	for name := range s.Fields {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// values makes an object of plain values.
func values(names ...string) Shape {
	fields := make(map[string]Shape, len(names))
	for _, name := range names {
		fields[name] = Value()
	}
	return Object(fields)
}

// itemShape is one content item as templates see it. html is sanitised; topics are in lower case.
func itemShape() Shape {
	item := values("title", "summary", "html", "text", "url", "language")
	item.Fields["topics"] = ListOf(Value())
	return item
}

// Known is the data that the templates of a channel may read. E-mail and newsletter are rendered
// once per subscriber; the other channels are broadcast, one rendering for all readers of a target,
// and so have no subscriber and no personal links.
//
//	subscriber   id, email, name, first_name, language, timezone, country, topics (list), attributes (free)
//	publication  id, title, type, url (public archive page), date, language
//	items        list of title, summary, html, text, url, topics, language; chosen for the subscriber
//	item         the first of items
//	sender       name, email, postal_address
//	brand        slug, name, logo (an address), color, text_color, link_color, postal_address, website_url, privacy_url,
//	             imprint_url, support_email, language; all empty without a brand
//	links        unsubscribe, archive (view in browser), preferences; broadcast channels: archive
//	digest       items: the same as items with the name of the topic that each was published for, in the digest of what was held back
//	data         whatever the publication carries
func Known(channel string) Shape {
	fields := map[string]Shape{
		"publication": values("id", "title", "type", "url", "date", "language"),
		"items":       ListOf(itemShape()),
		"item":        itemShape(),
		"sender":      values("name", "email", "postal_address"),
		"brand": values("slug", "name", "logo", "color", "text_color", "link_color", "postal_address", "website_url", "privacy_url",
			"imprint_url", "support_email", "language"),
		"links": values("archive"),
		"data":  Free(),
	}
	if Personal(channel) {
		subscriber := values("id", "email", "name", "first_name", "language", "timezone", "country")
		subscriber.Fields["topics"] = ListOf(Value())
		subscriber.Fields["attributes"] = Free()
		fields["subscriber"] = subscriber
		fields["links"] = values("unsubscribe", "archive", "preferences")
		gathered := itemShape()
		gathered.Fields["topic"] = Value()
		fields["digest"] = Object(map[string]Shape{"items": ListOf(gathered)})
	}
	return Object(fields)
}

// Personal says whether a channel is rendered once per subscriber.
func Personal(channel string) bool { return channel == "email" || channel == "newsletter" }
