package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/asset"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
)

// maxFieldErrors bounds how many missing elements of one list are told.
const maxFieldErrors = 100

// ResolveOrder finds everything that an order names, in one round trip (one more each for topics and a brand), and pins contents and templates at
// their newest version. What is missing is an Invalid error with every problem; nothing is stored.
func (db *DB) ResolveOrder(ctx context.Context, o publication.Order) (publication.Resolved, error) {
	if o.Audience.Exclude == nil {
		o.Audience.Exclude = []ident.UID{} // in SQL a NULL would exclude everybody
	}
	r := resolver{order: o}
	r.queueContents()
	r.queueTemplates()
	r.queueChannels()
	r.queueAttachments()
	if o.Brand.IsZero() && (o.Personal() || !o.Sender.IsZero()) {
		r.queueSender()
	}
	if o.Personal() {
		r.queueAudience()
	}
	err := db.pool.SendBatch(ctx, &r.batch).Close()
	if err == nil && !o.Brand.IsZero() {
		r.found.SenderID, err = senderOfBrand(ctx, db.pool, &r.problems, o.Brand, o.Sender)
	}
	if err == nil {
		err = r.checkTopics(ctx, db.pool)
	}
	if err == nil && o.Personal() {
		err = r.pinSegments(ctx, db.pool)
	}
	if err != nil {
		return publication.Resolved{}, translate(err, "resolve a publication")
	}
	return r.resolved(), r.problems.Err()
}

// resolver gathers the queries for one order and what they find.
type resolver struct {
	order    publication.Order
	batch    pgx.Batch
	problems fault.Fields
	found    publication.Resolved
}

func (r *resolver) resolved() publication.Resolved {
	r.found.Order = r.order
	size := -1
	if n := len(r.found.AudienceIDs.Subscribers); n > 0 {
		size = n
	}
	r.found.Lane = publication.LaneOf(r.order.Priority, size)
	return r.found
}

// padded repeats the last of a short list until there are ten. PostgreSQL takes an array that it does not know for one of ten
// (estimate_array_length in selfuncs.c), and plans a statement anew for each that would cost less than that (choose_custom_plan
// in plancache.c): finding one content by its key would take a fifth of the time that its plan takes.
func padded[T any](list []T) []T {
	if len(list) == 0 || len(list) >= guessedLength {
		return list
	}
	long := make([]T, 0, guessedLength)
	long = append(long, list...)
	for len(long) < guessedLength {
		long = append(long, list[len(list)-1])
	}
	return long
}

const guessedLength = 10

func (r *resolver) queueContents() {
	r.batch.Queue(`SELECT uid, id, version FROM content WHERE uid = ANY($1)`, padded(r.order.Contents)).
		Query(func(rows pgx.Rows) error {
			pins, err := collectPins(rows)
			if err != nil {
				return err
			}
			for i, uid := range r.order.Contents {
				pin, ok := pins[uid]
				if !ok {
					r.problems.Add(fmt.Sprintf("/content_ids/%d", i), "unknown_content", "does not exist")
				}
				r.found.ContentPins = append(r.found.ContentPins, pin)
			}
			return nil
		})
}

func collectPins(rows pgx.Rows) (map[ident.UID]publication.Pin, error) {
	pins := make(map[ident.UID]publication.Pin)
	var uid ident.UID
	var pin publication.Pin
	_, err := pgx.ForEachRow(rows, []any{&uid, &pin.ID, &pin.Version}, func() error {
		pins[uid] = pin
		return nil
	})
	return pins, err
}

func (r *resolver) queueTemplates() {
	r.found.TemplatePins = make(map[string]publication.Pin, len(r.order.Templates))
	for channel, uid := range r.order.Templates {
		r.batch.Queue(`SELECT id, version, channel FROM template WHERE uid = $1`, uid).
			Query(func(rows pgx.Rows) error {
				pointer := "/template_ids/" + channel
				var pin publication.Pin
				var serves string
				tag, err := pgx.ForEachRow(rows, []any{&pin.ID, &pin.Version, &serves}, func() error { return nil })
				switch {
				case err != nil:
					return err
				case tag.RowsAffected() == 0:
					r.problems.Add(pointer, "unknown_template", "does not exist")
				case serves != channel:
					r.problems.Add(pointer, "wrong_channel", "is a template for %s", serves)
				}
				r.found.TemplatePins[channel] = pin
				return nil
			})
	}
}

// queueAttachments looks for the files and adds their sizes up.
func (r *resolver) queueAttachments() {
	if len(r.order.Attachments) == 0 {
		return
	}
	r.batch.Queue(`SELECT uid, size FROM asset WHERE uid = ANY($1)`, r.order.Attachments).
		Query(func(rows pgx.Rows) error {
			sizes := make(map[ident.UID]int64, len(r.order.Attachments))
			var uid ident.UID
			var size, total int64
			if _, err := pgx.ForEachRow(rows, []any{&uid, &size}, func() error {
				sizes[uid] = size
				total += size
				return nil
			}); err != nil {
				return err
			}
			for i, uid := range r.order.Attachments {
				if sizes[uid] == 0 {
					r.problems.Add(fmt.Sprintf("/attachments/%d", i), "unknown_asset", "does not exist")
				}
			}
			if total > asset.MaxTotal {
				r.problems.Add("/attachments", "too_large", "may have %d bytes together, and have %d", asset.MaxTotal, total)
			}
			return nil
		})
}

func (r *resolver) queueChannels() {
	names := make([]string, len(r.order.Channels))
	for i, c := range r.order.Channels {
		names[i] = c.Name
	}
	r.batch.Queue(`SELECT DISTINCT kind FROM channel WHERE enabled AND kind = ANY($1)`, padded(names)).
		Query(func(rows pgx.Rows) error {
			enabled := make(map[string]bool, len(names))
			var kind string
			_, err := pgx.ForEachRow(rows, []any{&kind}, func() error {
				enabled[kind] = true
				return nil
			})
			for i, name := range names {
				if err == nil && !enabled[name] {
					r.problems.Add(fmt.Sprintf("/channels/%d", i), "no_enabled_channel",
						"no channel of this kind is configured and enabled")
				}
			}
			return err
		})
}

func (r *resolver) queueSender() {
	var uid *ident.UID
	code, detail := "no_default_sender", "must be given while no sender identity is the default"
	if !r.order.Sender.IsZero() {
		uid, code, detail = &r.order.Sender, "unknown_sender", "does not exist"
	}
	r.batch.Queue(`
		SELECT id FROM sender_identity WHERE uid = $1
		UNION ALL SELECT id FROM sender_identity WHERE $1::uuid IS NULL AND is_default`, uid).
		Query(func(rows pgx.Rows) error {
			var id int32
			tag, err := pgx.ForEachRow(rows, []any{&id}, func() error { return nil })
			if err == nil && tag.RowsAffected() == 0 {
				r.problems.Add("/sender_id", code, "%s", detail)
			}
			r.found.SenderID = &id
			return err
		})
}
