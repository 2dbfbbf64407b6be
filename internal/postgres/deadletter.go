package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/delivery"
	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/tasks"
)

// deadMatches is the dead letters u of a filter: $1 to $9 are its fields. One that was replayed and failed again is
// younger than its replay.
const deadMatches = `
FROM dead_letter u JOIN publication p ON p.id = u.publication_id
WHERE ($1::uuid IS NULL OR p.uid = $1)
  AND ($2::smallint[] IS NULL OR (u.channel_id, p.lane) IN (SELECT * FROM unnest($2::smallint[], $3::smallint[])))
  AND ($4 = '' OR u.fingerprint = $4) AND ($5 = '' OR u.error_code = $5)
  AND ($6::timestamptz IS NULL OR u.created_at >= $6) AND ($7::timestamptz IS NULL OR u.created_at < $7)
  AND ($8::bigint[] IS NULL OR u.id = ANY($8))
  AND ($9 OR u.replayed_at IS NULL OR u.replayed_at < u.created_at)`

func deadArgs(f delivery.DeadFilter) ([]any, error) {
	covers, err := coversOf(f)
	if err != nil {
		return nil, err
	}
	channels, lanes := lanesOf(covers)
	return []any{f.Publication, channels, lanes, f.Fingerprint, f.Code, f.Since, f.Until, f.IDs, f.Replayed}, nil
}

// coversOf is the channels and lanes of a filter; nil: all.
func coversOf(f delivery.DeadFilter) ([]delivery.ChannelLane, error) {
	if f.Channel == "" && f.Queue == "" {
		return nil, nil
	}
	list := []delivery.ChannelLane{{Channel: -1}} // so that an empty list is not taken for all
	for _, kind := range channel.Kinds() {
		if f.Channel != "" && f.Channel != string(kind) {
			continue
		}
		args, err := tasks.NewSend(string(kind), 0, 0)
		if err != nil {
			return nil, err
		}
		for lane := tasks.LaneCritical; lane <= tasks.LaneBulk; lane++ {
			task, err := tasks.New(args, lane)
			if err != nil {
				return nil, err
			}
			if f.Queue == "" || f.Queue == task.Queue {
				list = append(list, delivery.ChannelLane{Channel: kind.ID(), Lane: int16(lane)})
			}
		}
	}
	return list, nil
}

const letterColumns = `
SELECT u.id, p.uid, u.channel_id, p.lane,` + recipientUID + `, u.attempts, u.error_kind, u.error_code, u.error, u.fingerprint,
       u.created_at, CASE WHEN u.replayed_at > u.created_at THEN u.replayed_at END, u.replayed_by`

func scanLetter(row pgx.CollectableRow) (delivery.Letter, error) {
	var l delivery.Letter
	err := row.Scan(&l.ID, &l.Publication, &l.Channel, &l.Lane, &l.Recipient, &l.Attempts, &l.Kind, &l.Code, &l.Error,
		&l.Fingerprint, &l.FailedAt, &l.ReplayedAt, &l.ReplayedBy)
	return l, err
}

// DeadLetters lists the dead letters of a filter, newest first: at most limit with ids below before; 0: from the newest.
func (db *DB) DeadLetters(ctx context.Context, f delivery.DeadFilter, before int64, limit int) ([]delivery.Letter, error) {
	args, err := deadArgs(f)
	if err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, letterColumns+deadMatches+`
		AND ($10::bigint = 0 OR u.id < $10) ORDER BY u.id DESC LIMIT $11`, append(args, before, limit)...)
	if err != nil {
		return nil, translate(err, "list dead letters")
	}
	list, err := pgx.CollectRows(rows, scanLetter)
	return list, translate(err, "list dead letters")
}

const noLetter = "There is no such dead letter."

// DeadLetter is one, with each time that its recipient was made owed again, or NotFound.
func (db *DB) DeadLetter(ctx context.Context, id int64) (delivery.Letter, []delivery.Reopening, error) {
	rows, err := db.pool.Query(ctx, letterColumns+`
		FROM dead_letter u JOIN publication p ON p.id = u.publication_id WHERE u.id = $1`, id)
	if err != nil {
		return delivery.Letter{}, nil, translate(err, "read a dead letter")
	}
	letter, err := pgx.CollectExactlyOneRow(rows, scanLetter)
	if err != nil {
		return letter, nil, translate(missing(err, noLetter), "read a dead letter")
	}
	rows, err = db.pool.Query(ctx, `
		SELECT r.at, r.by, r.was, r.reason, r.attempts, r.fingerprint, (SELECT uid FROM replay WHERE id = r.replay_id)
		FROM dead_letter u JOIN reopening r USING (publication_id, channel_id, recipient_id)
		WHERE u.id = $1 ORDER BY r.id`, id)
	if err != nil {
		return letter, nil, translate(err, "read the history of a dead letter")
	}
	history, err := pgx.CollectRows(rows, pgx.RowToStructByPos[delivery.Reopening])
	return letter, history, translate(err, "read the history of a dead letter")
}

const groupLetters = `
SELECT u.channel_id, u.error_kind, u.error_code, max(u.error), u.fingerprint, count(*), count(DISTINCT u.publication_id),
       min(u.created_at), max(u.created_at), max(u.id)` + deadMatches + `
GROUP BY u.fingerprint, u.channel_id, u.error_kind, u.error_code ORDER BY count(*) DESC, u.fingerprint LIMIT $10`

// DeadGroups counts the dead letters of a filter by cause, the most frequent first: at most limit causes.
func (db *DB) DeadGroups(ctx context.Context, f delivery.DeadFilter, limit int) ([]delivery.LetterGroup, error) {
	args, err := deadArgs(f)
	if err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, groupLetters, append(args, limit)...)
	if err != nil {
		return nil, translate(err, "group dead letters")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.LetterGroup, error) {
		var g delivery.LetterGroup
		err := row.Scan(&g.Channel, &g.Kind, &g.Code, &g.Error, &g.Fingerprint, &g.Count, &g.Publications, &g.First, &g.Last, &g.Newest)
		return g, err
	})
	return list, translate(err, "group dead letters")
}

// deletePage bounds how many dead letters one transaction deletes.
const deletePage = 5000

// DeleteDeadLetters removes the dead letters of a filter that restricts something, and returns how many. Their
// recipients stay failed; nothing replays them any more. It may be repeated.
func (db *DB) DeleteDeadLetters(ctx context.Context, f delivery.DeadFilter) (int64, error) {
	if f.Empty() {
		return 0, fault.New(fault.Conflict, "filter_required", "All dead letters are not deleted at once: say which.")
	}
	args, err := deadArgs(f)
	if err != nil {
		return 0, err
	}
	var total int64
	for {
		var n int64
		err := db.tx(ctx, "delete dead letters", func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `DELETE FROM dead_letter WHERE id IN (SELECT u.id`+deadMatches+` ORDER BY u.id LIMIT $10)`,
				append(args, deletePage)...)
			if n = tag.RowsAffected(); err != nil || n == 0 {
				return err
			}
			var of ident.UID
			if f.Publication != nil {
				of = *f.Publication
			}
			return record(ctx, tx, "dead_letter", "delete", of, map[string]any{"dead_letters": n})
		})
		total += n
		if err != nil || n < deletePage {
			return total, err
		}
	}
}
