package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/subscriber"
)

// SubscriberByAddress is whoever has a canonical address. Of somebody who is no subscriber only the address is known.
func (db *DB) SubscriberByAddress(ctx context.Context, address string) (subscriber.Subscriber, error) {
	s, err := scanSubscriber(db.pool.QueryRow(ctx, selectSubscriber+` WHERE s.email = $1`, address))
	if err = translate(missing(err, noSubscriber), "find a subscriber"); fault.Is(err, fault.NotFound) {
		return subscriber.Subscriber{Email: address}, nil
	}
	return s, err
}

// Engagement is what a subscriber did with what they were sent; nil if nothing was counted yet.
func (db *DB) Engagement(ctx context.Context, id int64) (*subscriber.Engagement, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT total & 1048575, (total >> 20) & 1048575, total >> 40, first_sent_on, sent_on, greatest(email_on, newsletter_on), clicked_on
		FROM engagement WHERE subscriber_id = $1`, id)
	if err != nil {
		return nil, translate(err, "read an engagement")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[subscriber.Engagement])
	if err != nil || len(list) == 0 {
		return nil, translate(err, "read an engagement")
	}
	return list[0], nil
}

// messagesTo are those to a subscriber ($1) or an address ($2). What letters of our own say is a link that opens something, and
// stays out.
const messagesTo = `
SELECT p.id, p.uid, p.title, m.letter, coalesce(m.email, ''), m.name, m.language, m.timezone,
       CASE WHEN m.letter = '' THEN m.data ELSE '{}' END, m.tracked, m.expires_at, m.created_at
FROM message m JOIN publication p ON p.id = m.publication_id
WHERE (m.subscriber_id = $1 OR m.email = $2) AND p.id > $3 ORDER BY p.id LIMIT $4`

// MessagesTo is at most limit messages to somebody, with ids above after, by id: those whose data is still kept.
func (db *DB) MessagesTo(ctx context.Context, s subscriber.Subscriber, after int64, limit int) ([]publication.MessageKept, error) {
	rows, err := db.pool.Query(ctx, messagesTo, s.ID, s.Email, after, limit)
	if err != nil {
		return nil, translate(err, "read messages to somebody")
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[publication.MessageKept])
	return list, translate(err, "read messages to somebody")
}

// The publications after $1 up to $2 of which a subscriber ($3) is a recipient. The ledger has no index by recipient: it is asked
// about each publication, by its whole key.
const receivedBySubscriber = `
SELECT p.id, p.uid, p.title, p.type, p.created_at
FROM publication p
WHERE p.id > $1 AND p.id <= $2 AND EXISTS (
    SELECT FROM unnest($4::smallint[]) AS k (id), LATERAL (
        SELECT FROM delivery WHERE publication_id = p.id AND channel_id = k.id AND recipient_id = $3 OFFSET 0) d)
ORDER BY p.id`

// Those of messages to an address ($3) that is no subscriber's.
const receivedByAddress = `
SELECT p.id, p.uid, p.title, p.type, p.created_at
FROM message m JOIN publication p ON p.id = m.publication_id
WHERE m.email = $3 AND p.id > $1 AND p.id <= $2 AND cardinality($4::smallint[]) > 0
ORDER BY p.id`

// Received is what became, for somebody, of at most limit publications with ids above after, by id. next is where the next page
// begins, 0 behind the last.
func (db *DB) Received(ctx context.Context, s subscriber.Subscriber, after int64, limit int) (list []delivery.Received, next int64, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		list = nil
		if err := tx.QueryRow(ctx, `
			SELECT coalesce(max(id), 0) FROM (SELECT id FROM publication WHERE id > $1 ORDER BY id LIMIT $2) p`, after, limit).Scan(&next); err != nil {
			return err
		}
		pubs, err := receivedPublications(ctx, tx, s, after, next)
		if err != nil {
			return err
		}
		for _, p := range pubs {
			one := delivery.Received{Publication: p.UID, Title: p.Title, Type: string(p.Type), CreatedAt: p.CreatedAt}
			subject := subjectRow{id: s.ID, personal: true}
			if s.ID == 0 {
				if err := tx.QueryRow(ctx, `SELECT coalesce(max(recipient_id), 0) FROM delivery WHERE publication_id = $1`, p.ID).Scan(&subject.id); err != nil {
					return err
				}
			}
			if one.Deliveries, err = readAccounts(ctx, tx, p, subject); err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	return list, next, translate(err, "read what somebody received")
}

func receivedPublications(ctx context.Context, tx pgx.Tx, s subscriber.Subscriber, after, through int64) ([]*publication.Publication, error) {
	statement, who := receivedBySubscriber, any(s.ID)
	if s.ID == 0 {
		statement, who = receivedByAddress, s.Email
	}
	rows, err := tx.Query(ctx, statement, after, through, who, personalKinds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*publication.Publication, error) {
		var p publication.Publication
		err := row.Scan(&p.ID, &p.UID, &p.Title, &p.Type, &p.CreatedAt)
		return &p, err
	})
}
