package channel

import (
	"strconv"

	"github.com/presswork/presswork/internal/quoted"
)

// Identity names one delivery at a provider and at the receiver. It is the same in every attempt, so
// that a receiver can tell a repeated message, and provider events can be matched to the ledger.
type Identity struct {
	Publication string // UID
	Kind        Kind
	Recipient   int64
}

// String is "publication/kind/recipient", as in the X-Presswork-Delivery header.
func (id Identity) String() string {
	return id.Publication + "/" + string(id.Kind) + "/" + strconv.FormatInt(id.Recipient, 10)
}

// DeliveryHeader carries the Identity in e-mails and webhooks.
const DeliveryHeader = "X-Presswork-Delivery"

// Address is a mailbox: RFC 5322 display name and addr-spec.
type Address struct{ Name, Email string }

// Message is one message to one recipient, rendered and ready. E-mail kinds have Mail, broadcasts Post.
type Message struct {
	ID   Identity
	Mail *Mail
	Post *Post
}

// Mail is an e-mail.
type Mail struct {
	To, From Address
	ReplyTo  string // empty: none
	Subject  string
	HTML     quoted.Text
	Text     quoted.Text
	// ListID is the RFC 2919 identifier, without brackets: "news.example.org".
	ListID string
	// Unsubscribe is the https URL of RFC 8058 one-click unsubscription; empty: no header.
	Unsubscribe string
	// Automatic says that a machine sent it to this one reader, so that no other machine answers (RFC 3834).
	Automatic bool
	// MessageID is without brackets; the same in every attempt.
	MessageID string
	// Inline are the images that HTML shows by their Content-ID; Attached are files that go with the mail.
	Inline, Attached []*File
}

// File is a file as a part of a mail, in its final form: package mime makes it. It is shared by all mails
// that it goes with and must not be changed.
type File struct {
	// Header is the part's header fields and the empty line after them.
	Header []byte
	// Body is the file in base64, in lines of 76 characters with CRLF between them.
	Body []byte
}

// Post is a message to a place rather than to a person: a conversation, a channel, an endpoint.
type Post struct {
	Title string
	// Text is the whole post as the channel's template made it, in the channel's own markup (mrkdwn, Markdown), for
	// clients that show no blocks.
	Text string
	// Custom says that the template is one that the publication names: Text is the message, where a chat would else be
	// shown the Title, the Items and the URL in its own forms.
	Custom bool
	// URL is the public page of the publication; empty: none.
	URL   string
	Items []PostItem
	// Type is the publication's type: "announcement", "alert", …
	Type string
	// PublishedAt is RFC 3339, UTC.
	PublishedAt string
	// Data is the client's own, passed on to webhooks.
	Data map[string]any
}

// PostItem is one content item of a post.
type PostItem struct {
	ID, Title, Summary, URL string
	// HTML is sanitised; Text is plain.
	HTML, Text string
	Topics     []string
}
