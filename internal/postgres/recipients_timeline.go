package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/content"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// subject is whom a timeline is about: a subscriber ($2), or a place. A subscriber whose data was removed is no more.
const subject = `
SELECT s.id, true, s.status = 'active', s.language, s.topics, s.updated_at, '' FROM subscriber s
WHERE s.uid = $1 AND s.email NOT LIKE '%@deleted.invalid'
UNION ALL
SELECT c.id, false, c.enabled, '', '{}', c.updated_at, c.kind FROM channel c WHERE c.uid = $1`

// accounts are a recipient's deliveries, and whether a sender has them in hand.
const accounts = `
SELECT d.channel_id, d.recipient_id, d.state, d.reason, d.attempt, d.settled_at, d.choice,
       d.state = 0 AND EXISTS (
           SELECT FROM sender_session s, unnest(s.inflight_batch, s.inflight_after, s.inflight_through) AS w (batch_id, after, through),
                  LATERAL (SELECT FROM batch b WHERE b.id = w.batch_id AND b.publication_id = d.publication_id
                             AND b.channel_id = d.channel_id OFFSET 0) b
           WHERE s.ended_at IS NULL AND d.recipient_id > w.after AND d.recipient_id <= w.through),
       CASE WHEN d.state = 1 THEN (SELECT h.due FROM held h WHERE h.publication_id = d.publication_id
                                     AND h.channel_id = d.channel_id AND h.recipient_id = d.recipient_id) END,
       CASE WHEN d.reason = 24 THEN (
           SELECT p.uid FROM digest_item i JOIN digest g ON g.id = i.digest_id JOIN publication p ON p.id = g.publication_id
           WHERE i.publication_id = d.publication_id AND i.channel_id = d.channel_id AND i.recipient_id = d.recipient_id) END
FROM unnest($3::smallint[]) AS k (channel_id),
     LATERAL (SELECT * FROM delivery WHERE publication_id = $1 AND channel_id = k.channel_id AND recipient_id = $2 OFFSET 0) d
ORDER BY d.channel_id`

// attemptsOf are the attempts, and the times that the recipient was made owed again.
const attemptsOf = `
SELECT a.attempt, a.at, a.state, a.reason, a.late, a.error_kind, a.error_code, a.error, c.uid, coalesce(c.name, ''), ''
FROM delivery_attempt a LEFT JOIN channel c ON c.id = a.outlet_id
WHERE a.publication_id = $1 AND a.channel_id = $2 AND a.recipient_id = $3
UNION ALL
SELECT 0, r.at, 0, r.reason, false, '', '', '', NULL, '', r.by
FROM reopening r WHERE r.publication_id = $1 AND r.channel_id = $2 AND r.recipient_id = $3
ORDER BY 2`

// eventsOf leaves out the months before the publication.
const eventsOf = `
SELECT e.kind, e.at, e.link, coalesce(l.url, '')
FROM event e LEFT JOIN link l ON l.publication_id = e.publication_id AND l.n = e.link
WHERE e.publication_id = $1 AND e.recipient_id = $3 AND e.channel_id = $2 AND e.at >= $4
ORDER BY e.at LIMIT $5`

// Timeline is all that is known of a subscriber or a place in a publication; NotFound if one of the two does not exist.
func (db *DB) Timeline(ctx context.Context, publicationUID, recipient ident.UID) (delivery.Timeline, error) {
	t := delivery.Timeline{UID: recipient}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		p, err := scanPublication(tx.QueryRow(ctx, `SELECT `+publicationColumns+` FROM publication WHERE uid = $1`, publicationUID))
		if err != nil {
			return err
		}
		s := subjectRow{}
		if err := missing(s.read(ctx, tx, recipient), "There is no such subscriber or place."); err != nil {
			return err
		}
		t.Personal, t.Reader, t.Gathered = s.personal, s.reader, p.Gathered()
		t.Reader.Kept = p.StartedAt != nil && s.changedAt.Before(*p.StartedAt)
		if t.Reader.Topics, err = db.topicSlugs(ctx, s.topics); err != nil {
			return err
		}
		if t.Deliveries, err = readAccounts(ctx, tx, p, s); err != nil || len(t.Deliveries) > 0 {
			return err
		}
		t.Absence, err = whyAbsent(ctx, tx, p, s)
		return err
	})
	return t, translate(err, "read a recipient's timeline")
}

// subjectRow is a subscriber or a place as they are now.
type subjectRow struct {
	id               int64
	personal, active bool
	kind             channel.Kind // of a place
	topics           []int32
	reader           delivery.Reader
	changedAt        time.Time
}

func (s *subjectRow) read(ctx context.Context, q querier, uid ident.UID) error {
	return q.QueryRow(ctx, subject, uid).Scan(&s.id, &s.personal, &s.active, &s.reader.Language, &s.topics, &s.changedAt, &s.kind)
}

// channels are the ids of the kinds that may reach it.
func (s *subjectRow) channels() []int16 {
	if s.personal {
		return personalKinds()
	}
	return []int16{s.kind.ID()}
}

func readAccounts(ctx context.Context, tx pgx.Tx, p *publication.Publication, s subjectRow) ([]delivery.Account, error) {
	rows, err := tx.Query(ctx, accounts, p.ID, s.id, s.channels())
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Account, error) {
		var a delivery.Account
		var digest *ident.UID
		err := row.Scan(&a.Channel, &a.Recipient, &a.State, &a.Reason, &a.Used, &a.SettledAt, &a.Choice, &a.Sending, &a.Until, &digest)
		if digest != nil {
			a.Digest = *digest
		}
		return a, err
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		a := &list[i]
		if a.Attempts, err = readAttempts(ctx, tx, p.ID, a.Entry); err != nil {
			return nil, err
		}
		rows, err := tx.Query(ctx, eventsOf, p.ID, a.Channel, a.Recipient, p.CreatedAt, delivery.MaxEvents)
		if err != nil {
			return nil, err
		}
		if a.Events, err = pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.Event]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func readAttempts(ctx context.Context, tx pgx.Tx, publicationID int64, e delivery.Entry) ([]delivery.Attempt, error) {
	rows, err := tx.Query(ctx, attemptsOf, publicationID, e.Channel, e.Recipient)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Attempt, error) {
		var a delivery.Attempt
		var outlet *ident.UID
		err := row.Scan(&a.Number, &a.At, &a.State, &a.Reason, &a.Late, &a.Cause.Kind, &a.Cause.Code, &a.Cause.Error, &outlet, &a.OutletName, &a.By)
		if outlet != nil {
			a.Outlet = *outlet
		}
		return a, err
	})
}

// fanoutReach says where a frozen audience ends, and whether its expansion has passed a subscriber.
const fanoutReach = `
SELECT coalesce(max(hi), 0), coalesce((SELECT cursor >= $2 FROM fanout_range WHERE publication_id = $1 AND hi >= $2 ORDER BY hi LIMIT 1), false)
FROM fanout_range WHERE publication_id = $1`

func whyAbsent(ctx context.Context, tx pgx.Tx, p *publication.Publication, s subjectRow) (delivery.Absence, error) {
	o := delivery.Outsider{Personal: s.personal, Active: s.active, Fitting: true, Ended: p.State.Final(), Passed: p.StartedAt != nil}
	for _, id := range s.channels() {
		o.Reachable = o.Reachable || slices.Contains(p.Channels, id)
	}
	if !s.personal {
		return o.Why(), nil
	}
	a := p.Audience
	o.Excluded = slices.Contains(a.Exclude, s.id)
	o.Unnamed = a.Subscribers != nil && !slices.Contains(a.Subscribers, s.id)
	if p.Gathered() {
		if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM digest_item WHERE digest_id = $1 AND recipient_id = $2)`, a.Digest, s.id).Scan(&o.Unnamed); err != nil {
			return "", err
		}
	}
	if a.Topics != nil {
		o.Fitting = false
		for _, id := range s.topics {
			o.Fitting = o.Fitting || slices.Contains(a.Topics, id)
		}
	}
	var err error
	if o.Elsewhere, err = outsideSegments(ctx, tx, a, s.id); err != nil {
		return "", err
	}
	var top int64
	if err := tx.QueryRow(ctx, fanoutReach, p.ID, s.id).Scan(&top, &o.Passed); err != nil {
		return "", err
	}
	o.Beyond = p.StartedAt != nil && s.id > top
	return o.Why(), nil
}

// SubscriberByEmail is the public id of who has exactly this address, or NotFound.
func (db *DB) SubscriberByEmail(ctx context.Context, email string) (ident.UID, error) {
	var uid ident.UID
	err := db.pool.QueryRow(ctx, `SELECT uid FROM subscriber WHERE email = $1`, email).Scan(&uid)
	return uid, translate(missing(err, noSubscriber), "find a subscriber")
}

// PublicationContents are a publication's content items at their pinned versions, in its order. It returns NotFound if the
// publication or one of them is no more.
func (db *DB) PublicationContents(ctx context.Context, uid ident.UID) ([]content.Item, error) {
	p, err := scanPublication(db.pool.QueryRow(ctx, `SELECT `+publicationColumns+` FROM publication WHERE uid = $1`, uid))
	if err != nil {
		return nil, translate(err, "read a publication")
	}
	return db.PinnedContents(ctx, p.Contents)
}
