package postgres

import (
	"context"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
)

// resolveMessage finds what a message names. An address that is a subscriber's is that subscriber; one whose data was removed
// is no more. What is not named is null or empty, and equals nothing.
const resolveMessage = `
SELECT t.id, t.version, t.channel, t.name,
       (SELECT id FROM sender_identity WHERE CASE WHEN $3::uuid IS NULL THEN is_default ELSE uid = $3 END),
       (SELECT id FROM subscriber WHERE (uid = $4 OR email = $5) AND email NOT LIKE '%@deleted.invalid'),
       EXISTS (SELECT FROM channel WHERE kind = 'email' AND enabled)
FROM (SELECT) one LEFT JOIN template t ON t.uid = $1 OR t.name = $2`

// ResolveMessage finds everything that a message names, and pins its template at its newest version. What is missing is an
// Invalid error with every problem; nothing is stored.
func (db *DB) ResolveMessage(ctx context.Context, o publication.MessageOrder) (publication.Submission, error) {
	m := &publication.Message{To: o.To, Language: o.Language, Data: o.Data, Encoded: o.Encoded, ExpiresAt: o.ExpiresAt, Tracked: o.Tracked}
	s := publication.Submission{Message: m}
	var template, subscriber *int64
	var version *int
	var serves, name *string
	var mails bool
	err := db.pool.QueryRow(ctx, resolveMessage, optionalUID(o.Template), o.TemplateName, optionalUID(o.Sender),
		optionalUID(o.Subscriber), o.To.Email).Scan(&template, &version, &serves, &name, &s.SenderID, &subscriber, &mails)
	if err != nil {
		return s, translate(err, "resolve a message")
	}
	var f fault.Fields
	switch {
	case template == nil:
		f.Add("/template", "unknown_template", "does not exist")
	case *serves != channelEmail:
		f.Add("/template", "wrong_channel", "is a template for %s", *serves)
	default:
		s.Title, m.Template = *name, &publication.Pin{ID: *template, Version: *version}
	}
	switch {
	case subscriber != nil:
		m.Subscriber, m.To = *subscriber, publication.Addressee{}
	case !o.Subscriber.IsZero():
		f.Add("/to/subscriber_id", "unknown_subscriber", "does not exist")
	}
	switch {
	case !o.Brand.IsZero():
		if s.SenderID, err = senderOfBrand(ctx, db.pool, &f, o.Brand, o.Sender); err != nil {
			return s, translate(err, "resolve a message")
		}
	case s.SenderID != nil:
	case o.Sender.IsZero():
		f.Add("/sender_id", "no_default_sender", "must be given while no sender identity is the default")
	default:
		f.Add("/sender_id", "unknown_sender", "does not exist")
	}
	if !mails {
		f.Add("", "no_enabled_channel", "no channel of the kind email is configured and enabled")
	}
	return s, f.Err()
}
