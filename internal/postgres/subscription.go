package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/consent"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

// Linker makes the addresses that letters lead to.
type Linker interface {
	// ConfirmLink leads to where a request is confirmed, PreferLink to a reader's preferences.
	ConfirmLink(subscriber, request int64, until time.Time) string
	PreferLink(subscriber int64, until time.Time) string
}

// Subscriptions is how readers come, come back, and find their preferences. Nothing of it changes what anybody gets before the
// reader has confirmed by the link that was mailed to them.
type Subscriptions struct {
	db    *DB
	links Linker
}

// Subscriptions is on the same database. The letters have links by a Linker.
func (db *DB) Subscriptions(links Linker) *Subscriptions { return &Subscriptions{db, links} }

// Reader is the one with an internal id, or NotFound.
func (s *Subscriptions) Reader(ctx context.Context, id int64) (consent.Reader, error) {
	r, err := scanReader(s.db.pool.QueryRow(ctx, selectReader+`WHERE id = $1 AND email NOT LIKE '%@deleted.invalid'`, id))
	return r, translate(missing(err, noSubscriber), "read a reader")
}

const selectReader = `SELECT id, uid, email, language, status, version FROM subscriber `

func scanReader(row pgx.Row) (consent.Reader, error) {
	var r consent.Reader
	err := row.Scan(&r.ID, &r.UID, &r.Email, &r.Language, &r.Status, &r.Version)
	return r, err
}

// SignUp notes that somebody wants messages at an address, and has a letter ask there whether that is so. An address that is
// known is asked as well; who is subscribed gets a link to their preferences instead. More than a few letters within a day are
// not sent. What happened is not said: nobody is to learn who reads. It is Conflict (no_default_sender), whoever it is, while there is
// nobody whom a letter could be from.
func (s *Subscriptions) SignUp(ctx context.Context, up subscriber.SignUp) error {
	err := s.signUp(ctx, up)
	if fault.Is(err, fault.Conflict) { // somebody else has stored the address just now: it is known the second time
		err = s.signUp(ctx, up)
	}
	return err
}

func (s *Subscriptions) signUp(ctx context.Context, up subscriber.SignUp) error {
	return s.db.tx(ctx, "sign a reader up", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.Form); err != nil {
			return err
		}
		if err := mayWrite(ctx, tx, consent.Of(ctx, consent.Form).Brand); err != nil {
			return err
		}
		r, err := scanReader(tx.QueryRow(ctx, selectReader+`WHERE email = $1 FOR UPDATE`, up.Email))
		if errors.Is(err, pgx.ErrNoRows) {
			return s.begin(ctx, tx, up)
		}
		if err != nil {
			return err
		}
		if r.Status == string(subscriber.Active) {
			return s.preferences(ctx, tx, r)
		}
		_, err = s.ask(ctx, tx, r, up.Topics)
		return err
	})
}

// byForm is the consent_source of who came by the form.
const byForm = "form"

// begin stores who is new.
func (s *Subscriptions) begin(ctx context.Context, tx pgx.Tx, up subscriber.SignUp) error {
	one := subscriber.Subscriber{UID: ident.New(), Email: up.Email, Name: up.Name, Language: up.Language, Timezone: subscriber.DefaultTimezone,
		Status: subscriber.Pending, Topics: up.Topics, Attributes: map[string]any{}, ConsentSource: byForm}
	if err := createSubscriber(ctx, tx, &one); err != nil {
		return err
	}
	var request int64
	if err := tx.QueryRow(ctx, `SELECT max(id) FROM consent WHERE subscriber = $1 AND event = 'requested'`, one.UID).Scan(&request); err != nil {
		return err
	}
	r := consent.Reader{ID: one.ID, UID: one.UID, Email: one.Email, Language: one.Language, Status: string(one.Status)}
	if err := s.askBy(ctx, tx, r, request); err != nil {
		return err
	}
	return s.db.honourSuppressions(ctx, tx, one.Email)
}

// insertRequest notes that a reader who is there is asked. They stay as they are; the entry has what they will have.
const insertRequest = `
INSERT INTO consent (subscriber_id, subscriber, event, status, topics, channels_off, source, actor, text_hash, commitment, salt, detail)
SELECT s.id, s.uid, 'requested', s.status,
       ARRAY(SELECT slug FROM topic WHERE id = ANY(s.topics) AND s.status <> 'unsubscribed' OR slug = ANY($2) ORDER BY slug COLLATE "C"), s.channels_off,
       act ->> 'source', act ->> 'actor', decode(act ->> 'text', 'hex'), sha256(d.salt || convert_to(d.detail, 'UTF8')), d.salt, d.detail
FROM subscriber s, (SELECT current_setting('presswork.consent')::jsonb AS act) a,
     LATERAL (SELECT uuid_send(gen_random_uuid()) AS salt,
        jsonb_strip_nulls(jsonb_build_object('email', s.email, 'ip', act -> 'ip', 'user_agent', act -> 'user_agent'))::text AS detail OFFSET 0) d
WHERE s.id = $1
  AND $3 > (SELECT count(*) FROM consent c WHERE c.subscriber = s.uid AND c.event = 'requested' AND c.at > clock_timestamp() - $4::interval)
RETURNING id`

// carryOn notes how a reader was before the record began, as the table itself does before the first change of somebody (migration 0032):
// a request is an entry without a change, and what comes after it would not be the first.
const carryOn = `
INSERT INTO consent (subscriber_id, subscriber, event, status, topics, channels_off, source, actor, commitment, salt, detail)
SELECT s.id, s.uid, 'carried', s.status, ARRAY(SELECT slug FROM topic WHERE id = ANY(s.topics) ORDER BY slug COLLATE "C"), s.channels_off,
       'system', 'system', sha256(d.salt || convert_to(d.detail, 'UTF8')), d.salt, d.detail
FROM subscriber s, LATERAL (SELECT uuid_send(gen_random_uuid()) AS salt, jsonb_strip_nulls(jsonb_build_object('email', s.email,
        'stated', nullif(s.consent_source, ''), 'since', s.consent_at))::text AS detail OFFSET 0) d
WHERE s.id = $1 AND NOT EXISTS (SELECT FROM consent c WHERE c.subscriber = s.uid)`

// ask asks a reader who is there and not subscribed. It is false if they were asked often enough.
func (s *Subscriptions) ask(ctx context.Context, tx pgx.Tx, r consent.Reader, topics []string) (bool, error) {
	var request int64
	if topics == nil {
		topics = []string{}
	}
	if _, err := tx.Exec(ctx, carryOn, r.ID); err != nil {
		return false, err
	}
	err := tx.QueryRow(ctx, insertRequest, r.ID, topics, consent.MaxRequests, consent.RequestTime).Scan(&request)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := record(ctx, tx, "subscriber", "ask", r.UID, nil); err != nil {
		return false, err
	}
	return true, s.askBy(ctx, tx, r, request)
}

// Ask has a letter ask a reader who is not subscribed whether they want to be, with the topics that they have. It is Conflict
// (already_active) of who is, (address_suppressed) of whose address no letter goes to, and (asked_enough) of who was asked a few
// times within a day. It returns NotFound.
func (s *Subscriptions) Ask(ctx context.Context, uid ident.UID) error {
	return s.db.tx(ctx, "ask a reader to confirm", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.API); err != nil {
			return err
		}
		one, err := lockSubscriber(ctx, tx, uid)
		if err != nil {
			return err
		}
		if one.Status == subscriber.Active {
			return fault.New(fault.Conflict, "already_active", "This subscriber is active: there is nothing to confirm.")
		}
		if err := mayBeMailed(ctx, tx, one.ID); err != nil {
			return err
		}
		r := consent.Reader{ID: one.ID, UID: uid, Email: one.Email, Language: one.Language, Status: string(one.Status)}
		asked, err := s.ask(ctx, tx, r, one.Topics)
		if err == nil && !asked {
			err = fault.New(fault.Conflict, "asked_enough", "This subscriber was asked to confirm several times within a day.")
		}
		return err
	})
}

// mayBeMailed is Conflict of a reader whose address is on the suppression list: whoever asks is not to wait for an answer.
func mayBeMailed(ctx context.Context, tx pgx.Tx, id int64) error {
	var listed bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM subscriber s JOIN suppression u ON u.id = s.suppression_id WHERE s.id = $1)`, id).Scan(&listed)
	if err == nil && listed {
		return fault.New(fault.Conflict, "address_suppressed", "This subscriber's address is on the suppression list, so no letter goes there.")
	}
	return err
}

// PublicTopics are those among which readers choose, and all in also, public or not, by their names.
func (s *Subscriptions) PublicTopics(ctx context.Context, also []string) ([]subscriber.Topic, error) {
	rows, err := s.db.pool.Query(ctx, `
		SELECT `+topicColumns+` FROM (
			SELECT * FROM topic WHERE public OR slug = ANY($1) ORDER BY slug = ANY($1) DESC, name, id LIMIT $2) t
		ORDER BY name, id`, slices.Concat([]string{}, also), maxPublicTopics)
	if err != nil {
		return nil, translate(err, "list the topics to choose among")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (subscriber.Topic, error) { return scanTopic(row) })
	return list, translate(err, "list the topics to choose among")
}

// maxPublicTopics is how many a page shows: twice what one may have, so that nobody loses those that they have by what is shown.
const maxPublicTopics = 2 * subscriber.MaxTopics

// Leave takes a reader out of everything, as Unsubscribe does for a publication. It may be repeated, and one who is no more
// counts as done.
func (s *Subscriptions) Leave(ctx context.Context, uid ident.UID) error {
	return s.db.tx(ctx, "unsubscribe", func(tx pgx.Tx) error {
		if err := consenting(ctx, tx, consent.Page); err != nil {
			return err
		}
		var id int64
		err := tx.QueryRow(ctx, `
			UPDATE subscriber SET status = 'unsubscribed', revoked_at = clock_timestamp(), updated_at = clock_timestamp(), version = version + 1
			WHERE uid = $1 AND email NOT LIKE '%@deleted.invalid' AND status <> 'unsubscribed' RETURNING id`, uid).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ReleaseHeld(ctx, tx, id); err != nil {
			return err
		}
		return record(ctx, tx, "subscriber", "unsubscribe", uid, map[string]any{"all": true})
	})
}

// Preferences are those of a reader whom Reader found just now, or NotFound.
func (s *Subscriptions) Preferences(ctx context.Context, r consent.Reader) (subscriber.Preferences, error) {
	return s.db.recalled(ctx, r.UID, r.Version)
}

// ChangePreferences is DB.ChangePreferences.
func (s *Subscriptions) ChangePreferences(
	ctx context.Context, uid ident.UID, change func(subscriber.Preferences) (subscriber.PreferencesChange, error),
) (subscriber.Preferences, error) {
	return s.db.ChangePreferences(ctx, uid, change)
}
