// Package mime composes RFC 5322 messages from channel.Mail. It writes by hand into one buffer, because
// it runs once for every recipient of every mail.
//
// What it writes is 7-bit clean, its lines end in CRLF, and no line of a body starts with a dot, so that
// any relay can carry it unchanged. No input can add a header: see the notes at header.go.
//
// A mail with files has all that is its reader's own first, and then the files, which many mails share:
//
//	multipart/mixed
//	    multipart/related
//	        multipart/alternative: text, HTML
//	        the images that the HTML shows
//	    the attachments
//
// So AppendHead writes the former into a buffer, and Tail gives the latter without copying a byte.
package mime

import (
	"slices"
	"time"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
)

// The boundaries between parts. "=_" cannot occur in quoted-printable text (RFC 2045, 6.7) nor "_" in base64,
// so that the same ones serve every message; none begins with another (RFC 2046, 5.1.2).
const (
	boundary        = "=_presswork_alternative"
	relatedBoundary = "=_presswork_related"
	mixedBoundary   = "=_presswork_mixed"
)

// senderID is the last part of Feedback-ID, by which Gmail's Postmaster Tools group complaints:
// https://support.google.com/a/answer/6254652. It has 5 to 15 characters and never changes.
const senderID = "presswork"

// Append adds the whole message, its files included, to dst and returns the longer slice. Errors are those of
// AppendHead.
func Append(dst []byte, m *channel.Message, at time.Time) ([]byte, error) {
	if m.Mail != nil {
		dst = slices.Grow(dst, TailSize(m.Mail))
	}
	dst, err := AppendHead(dst, m, at)
	if err != nil {
		return dst, err
	}
	for piece := range Tail(m.Mail) {
		dst = append(dst, piece...)
	}
	return dst, nil
}

// AppendHead adds the message up to its files, which Tail has, to dst and returns the longer slice. Without
// files that is all of it. With both an HTML and a text body it is multipart/alternative, else a single part.
//
// The error is of kind fault.GiveUp: a part of the message that cannot be written in a header, or no
// body at all. dst is then returned as it was. No error holds an address.
//
// There is no Precedence header: it was never standardised (RFC 2076, 3.9 calls it discouraged), and
// List-Id and List-Unsubscribe tell automatic responders the same (RFC 3834). A message to one reader has neither, and
// says that it is Auto-Submitted instead, which is for what a machine writes, and not for publications (RFC 3834, 5).
func AppendHead(dst []byte, m *channel.Message, at time.Time) ([]byte, error) {
	mail := m.Mail
	if mail == nil || (mail.HTML.Len() == 0 && mail.Text.Len() == 0) {
		return dst, fault.New(fault.GiveUp, "empty_message", "The mail has no body.")
	}
	h := header{buf: dst}
	h.mailbox("From", mail.From)
	h.mailbox("To", mail.To)
	if mail.ReplyTo != "" {
		h.mailbox("Reply-To", channel.Address{Email: mail.ReplyTo})
	}
	h.text("Subject", mail.Subject)
	h.date(at)
	h.token("Message-ID", "<", mail.MessageID, ">")
	if mail.ListID != "" {
		h.token("List-Id", "<", mail.ListID, ">")
	}
	if mail.Unsubscribe != "" {
		h.token("List-Unsubscribe", "<", mail.Unsubscribe, ">")
		h.token("List-Unsubscribe-Post", "", "List-Unsubscribe=One-Click", "")
	}
	if mail.Automatic {
		h.token("Auto-Submitted", "", "auto-generated", "")
	}
	identity := m.ID.String()
	h.token(channel.DeliveryHeader, "", identity, "")
	h.token("Feedback-ID", m.ID.Publication+":", string(m.ID.Kind), "::"+senderID)
	h.token("MIME-Version", "", "1.0", "")
	if h.err != nil {
		return dst, h.err
	}
	return appendBody(h.buf, mail), nil
}

const (
	crlf      = "\r\n"
	plainPart = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	htmlPart  = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	bothParts = "Content-Type: multipart/alternative;\r\n boundary=\"" + boundary + "\"\r\n\r\n"
	delimiter = "\r\n--" + boundary
)

// appendBody adds the content headers and the parts; the best one comes last (RFC 2046, 5.1.4).
func appendBody(dst []byte, mail *channel.Mail) []byte {
	if len(mail.Attached) > 0 {
		dst = append(dst, mixedParts...)
	}
	if related(mail) {
		dst = append(dst, relatedParts...)
		dst = append(dst, rootType(mail)...)
		dst = append(dst, relatedStart...)
	}
	switch {
	case mail.HTML.Len() == 0:
		dst = append(dst, plainPart...)
		return append(mail.Text.Append(dst), crlf...)
	case mail.Text.Len() == 0:
		dst = append(dst, htmlPart...)
		return append(mail.HTML.Append(dst), crlf...)
	}
	dst = append(dst, bothParts...)
	dst = append(dst, delimiter[len(crlf):]+crlf+plainPart...)
	dst = mail.Text.Append(dst)
	dst = append(dst, delimiter+crlf+htmlPart...)
	dst = mail.HTML.Append(dst)
	return append(dst, delimiter+"--"+crlf...)
}
