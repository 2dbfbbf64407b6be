package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// selectPresent reads what a publication is now as a request by public ids, and what decides about changes of it. A
// subscriber who was deleted is left out; anything else that is no more has the zero id.
const selectPresent = `
SELECT p.id, p.version, p.state, p.gen > 0 OR p.started_at IS NOT NULL, p.started_at IS NOT NULL, p.approval, p.lane,
       coalesce(p.trace_context, ''), p.created_by,
       coalesce(p.revised, 1), coalesce(p.revised_by, p.created_by), coalesce(p.revised_at, p.created_at),
       coalesce(p.revised_correlation, p.correlation_id),
       p.title, p.type, p.priority, p.channels, coalesce((p.audience ->> 'all')::boolean, false),
       ARRAY(SELECT t.slug FROM topic t JOIN jsonb_array_elements(p.audience -> 'topics') WITH ORDINALITY AS a (id, n)
             ON t.id = a.id::integer ORDER BY a.n),
       ARRAY(SELECT s.uid::text FROM subscriber s JOIN jsonb_array_elements(p.audience -> 'subscribers') AS a (id)
             ON s.id = a.id::bigint WHERE s.email NOT LIKE '%@deleted.invalid' ORDER BY s.id),
       ARRAY(SELECT s.uid::text FROM subscriber s JOIN jsonb_array_elements(p.audience -> 'exclude') AS a (id)
             ON s.id = a.id::bigint WHERE s.email NOT LIKE '%@deleted.invalid' ORDER BY s.id),
       ARRAY(SELECT a.pin ->> 'slug' FROM jsonb_array_elements(p.audience -> 'segments') WITH ORDINALITY AS a (pin, n) ORDER BY a.n),
       ARRAY(SELECT a.pin ->> 'slug' FROM jsonb_array_elements(p.audience -> 'exclude_segments') WITH ORDINALITY AS a (pin, n) ORDER BY a.n),
       p.audience -> 'snapshot' ->> 'uid',
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', coalesce(c.uid, $1), 'version', k.pin -> 'version') ORDER BY k.n), '[]')
        FROM jsonb_array_elements(p.contents) WITH ORDINALITY AS k (pin, n)
        LEFT JOIN content c ON c.id = (k.pin ->> 'id')::bigint),
       (SELECT coalesce(jsonb_object_agg(k.channel, jsonb_build_object('id', coalesce(t.uid, $1), 'version', k.pin -> 'version')), '{}')
        FROM jsonb_each(p.templates) AS k (channel, pin)
        LEFT JOIN template t ON t.id = (k.pin ->> 'id')::bigint),
       ARRAY(SELECT jsonb_array_elements_text(p.attachments)), coalesce(s.uid::text, ''), p.scheduled_at, p.by_local_time, p.listed,
       coalesce(p.rate_per_minute, 0), p.data, p.wants_approval, p.audience ? 'digest'
FROM publication p LEFT JOIN sender_identity s ON s.id = p.sender_id
WHERE p.uid = $2`

// present is a publication as it is now.
type present struct {
	publication.Present
	controlled
	// Number is that of its version now, which Version.Number does not exceed.
	Number  int
	Version publication.Version
}

func readPresent(row pgx.Row) (*present, error) {
	var p present
	v, r := &p.Version, &p.Version.Request
	var a publication.AudienceRequest
	var channels []int16
	var all, local bool
	var rate int
	var approval, contents, templates, data []byte
	if err := row.Scan(&p.ID, &p.Number, &p.controlled.State, &p.Begun, &p.Started, &approval, &p.Lane, &p.Trace, &p.CreatedBy,
		&v.Number, &v.ChangedBy, &v.ChangedAt, &v.CorrelationID, &r.Title, &r.Type, &r.Priority, &channels, &all, &a.Topics,
		&a.Subscribers, &a.Exclude, &a.Segments, &a.ExcludeSegments, &a.Snapshot, &contents, &templates, &r.Attachments, &r.Sender, &p.ScheduledAt, &local, &r.Listed, &rate, &data,
		&r.Approval, &v.Gathered); err != nil {
		return nil, err
	}
	if err := errors.Join(json.Unmarshal(contents, &v.Contents), json.Unmarshal(templates, &v.Templates), json.Unmarshal(data, &r.Data)); err != nil {
		return nil, err
	}
	if approval != nil {
		if err := json.Unmarshal(approval, &p.Approval); err != nil {
			return nil, err
		}
	}
	p.Present.State, p.ChangedBy = p.controlled.State, v.ChangedBy
	p.name(channels)
	p.address(a, all)
	if r.Draft = p.Present.State == publication.Draft && p.Approval == nil; rate > 0 {
		r.RatePerMinute = &rate
	}
	switch {
	case p.ScheduledAt == nil:
	case local:
		r.ScheduleAt = publication.ShowLocal(*p.ScheduledAt)
	default:
		r.ScheduleAt = p.ScheduledAt.UTC().Format(time.RFC3339Nano)
	}
	return &p, nil
}

// name fills in what the request names by words and public ids.
func (p *present) name(channels []int16) {
	r := &p.Version.Request
	for _, id := range channels {
		kind, err := channel.KindOf(id)
		if err != nil {
			kind = "unknown" // of a newer build
		}
		r.Channels = append(r.Channels, string(kind))
	}
	for _, ref := range p.Version.Contents {
		r.Contents = append(r.Contents, ref.UID.String())
	}
	if len(p.Version.Templates) > 0 {
		r.Templates = make(map[string]string, len(p.Version.Templates))
		for name, ref := range p.Version.Templates {
			r.Templates[name] = ref.UID.String()
		}
	}
}

// address fills in the audience. A publication without a personal channel has none.
func (p *present) address(a publication.AudienceRequest, all bool) {
	switch {
	case a.Snapshot != nil:
		a.Topics, a.Segments, a.Subscribers = nil, nil, nil
	case all:
		a.All, a.Topics, a.Segments, a.Subscribers = &all, nil, nil, nil
	case len(a.Topics) > 0:
		a.Segments, a.Subscribers = nil, nil
	case len(a.Segments) > 0:
		a.Topics, a.Subscribers = nil, nil
	case len(a.Subscribers) > 0:
		a.Topics, a.Segments = nil, nil
	default:
		return
	}
	if len(a.ExcludeSegments) == 0 {
		a.ExcludeSegments = nil
	}
	if len(a.Exclude) == 0 {
		a.Exclude = nil
	}
	p.Version.Request.Audience = &a
}

// lockPresent reads a publication that is about to be changed. The lock comes first: who waits for it would miss, of what they
// waited for, the sender.
func lockPresent(ctx context.Context, tx pgx.Tx, uid ident.UID) (*present, error) {
	if err := tx.QueryRow(ctx, `SELECT id FROM publication WHERE uid = $1 FOR UPDATE`, uid).Scan(new(int64)); err != nil {
		return nil, translate(err, "find a publication")
	}
	p, err := readPresent(tx.QueryRow(ctx, selectPresent, ident.UID{}, uid))
	return p, translate(err, "find a publication")
}

// keepVersion keeps what a publication is, since it is about to be something else.
func keepVersion(ctx context.Context, tx pgx.Tx, p *present) error {
	v := p.Version
	_, err := tx.Exec(ctx, `
		INSERT INTO publication_version (publication_id, version, request, contents, templates, scheduled_at, changed_by, changed_at, correlation_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		p.ID, v.Number, encoded(v.Request), encoded(v.Contents), encoded(v.Templates), p.ScheduledAt, v.ChangedBy, v.ChangedAt, v.CorrelationID)
	return err
}

// PublicationNow is what a publication is now, and the number of its version. It returns NotFound.
func (db *DB) PublicationNow(ctx context.Context, uid ident.UID) (publication.Version, int, error) {
	p, err := readPresent(db.pool.QueryRow(ctx, selectPresent, ident.UID{}, uid))
	if err != nil {
		return publication.Version{}, 0, translate(err, "read a publication")
	}
	return p.Version, p.Number, nil
}

// PublicationVersion is what a publication was when its version had a number. It returns NotFound for a publication that is
// not there, and for a number that it never had.
func (db *DB) PublicationVersion(ctx context.Context, uid ident.UID, number int) (publication.Version, error) {
	v, now, err := db.PublicationNow(ctx, uid)
	switch {
	case err != nil:
		return v, err
	case number < 1 || number > now:
		return v, fault.New(fault.NotFound, "no_such_version", "The publication never had this version.")
	case number >= v.Number:
		return v, nil
	}
	var request, contents, templates []byte
	v = publication.Version{}
	err = db.pool.QueryRow(ctx, `
		SELECT v.version, v.request, v.contents, v.templates, v.changed_by, v.changed_at, v.correlation_id
		FROM publication_version v JOIN publication p ON p.id = v.publication_id
		WHERE p.uid = $1 AND v.version <= $2 ORDER BY v.version DESC LIMIT 1`, uid, number,
	).Scan(&v.Number, &request, &contents, &templates, &v.ChangedBy, &v.ChangedAt, &v.CorrelationID)
	if err == nil {
		err = errors.Join(json.Unmarshal(request, &v.Request), json.Unmarshal(contents, &v.Contents), json.Unmarshal(templates, &v.Templates))
	}
	return v, translate(err, "read a version of a publication")
}

// PublicationVersions are the versions of a publication, newest first, without their requests and pins. It returns
// NotFound.
func (db *DB) PublicationVersions(ctx context.Context, uid ident.UID, page publication.Versions) ([]publication.Version, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT v.* FROM publication p, LATERAL (
		    SELECT coalesce(p.revised, 1) AS version, coalesce(p.revised_by, p.created_by), coalesce(p.revised_at, p.created_at),
		           coalesce(p.revised_correlation, p.correlation_id)
		    UNION ALL SELECT version, changed_by, changed_at, correlation_id FROM publication_version WHERE publication_id = p.id) v
		WHERE p.uid = $1 AND ($2::integer = 0 OR v.version < $2) ORDER BY v.version DESC LIMIT $3`, uid, page.Before, page.Limit)
	if err != nil {
		return nil, translate(err, "list the versions of a publication")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (publication.Version, error) {
		var v publication.Version
		err := row.Scan(&v.Number, &v.ChangedBy, &v.ChangedAt, &v.CorrelationID)
		return v, err
	})
	if err == nil && len(list) == 0 && page.Before == 0 {
		err = pgx.ErrNoRows // a publication that is there has one
	}
	return list, translate(err, "list the versions of a publication")
}
