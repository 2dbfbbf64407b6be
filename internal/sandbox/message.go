package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Message is one message a provider was given. It is not changed once recorded; Header and Body are
// shared and must not be written to.
type Message struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider"`
	Channel  string    `json:"channel"`
	Identity string    `json:"identity,omitempty"`
	Copy     int       `json:"copy"` // 1 for the first of its identity, 2 for the first double, 0 if invalid
	At       time.Time `json:"at"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to"` // addresses joined by ", "; a channel; the path of a hook
	// Problem says why the provider turned the message down; "" if it was accepted.
	Problem string `json:"problem,omitempty"`
	// Header is the HTTP request's, without credentials. Nil for SMTP.
	Header http.Header `json:"-"`
	// Body is the raw mail (SES, SMTP) or the JSON document (everything else). It holds no MIME
	// structure yet: see Read.
	Body []byte `json:"-"`
	// Tags are the EmailTags given to SES.
	Tags map[string]string `json:"tags,omitempty"`

	number uint64 // the id
}

// Letter is a message taken apart for reading.
type Letter struct {
	Subject string   `json:"subject"`
	Fields  []Field  `json:"headers"`
	Text    string   `json:"text,omitempty"`
	HTML    string   `json:"html,omitempty"`
	Files   []File   `json:"attachments,omitempty"`
	Cards   []Card   `json:"cards,omitempty"` // what a chat would show
	Source  string   `json:"source"`
	Faults  []string `json:"faults,omitempty"` // what could not be read, and why
}

// Field is one header, decoded and unfolded.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// File is an attachment, or an image that the HTML shows.
type File struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int    `json:"size"` // bytes, decoded
	// ContentID is what the HTML names it by ("cid:…"), without brackets; "" for none.
	ContentID string `json:"content_id,omitempty"`
	// Inline files belong into the text (RFC 2183, 2.1).
	Inline bool   `json:"inline,omitempty"`
	Data   []byte `json:"-"`
}

// Mail says whether the body is a raw mail rather than JSON.
func (m *Message) Mail() bool {
	return m.Provider == ProviderSES || m.Provider == ProviderSMTP
}

// Read takes the message apart. What cannot be read is left out and named in Faults; it never fails.
func (m *Message) Read() Letter {
	if m.Mail() {
		return readMail(m.Body)
	}
	return readChat(m)
}

// Subject is the mail's subject or the first line a chat would show; "" if there is neither. It reads
// no more of the message than that takes.
func (m *Message) Subject() string {
	if m.Mail() {
		return subjectOf(m.Body)
	}
	return strings.Trim(firstLine(chatText(m.Body)), "* ")
}

// firstLine returns the first line with something in it, cut to a length that fits a list.
func firstLine(text string) string {
	const longest = 120
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(line); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return line
}

// newRequestMessage begins the record of an HTTP request.
func newRequestMessage(r *http.Request, provider, channel string) *Message {
	header := r.Header.Clone()
	for _, secret := range []string{"Authorization", "Cookie", "X-Amz-Security-Token"} {
		header.Del(secret)
	}
	return &Message{
		Provider: provider,
		Channel:  channel,
		Identity: r.Header.Get(HeaderDelivery),
		Header:   header,
	}
}

// indented returns a JSON document in a readable layout, or as it is if it is not JSON.
func indented(document []byte) string {
	var value json.RawMessage
	if json.Unmarshal(document, &value) != nil {
		return string(document)
	}
	out, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return string(document)
	}
	return string(out)
}
