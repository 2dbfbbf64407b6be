package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/channel"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/reputation"
)

const selectReputationPolicy = `
SELECT soft_bounces, soft_days, min_sample, max_bounces, max_complaints, pause, version, updated_at FROM reputation_policy`

func scanReputationPolicy(row pgx.Row) (reputation.Policy, error) {
	var p reputation.Policy
	err := row.Scan(&p.SoftBounces, &p.SoftDays, &p.MinSample, &p.MaxBounces, &p.MaxComplaints, &p.Pause, &p.Version, &p.UpdatedAt)
	return p, err
}

// ReputationPolicy is what bounces and complaints are held against.
func (db *DB) ReputationPolicy(ctx context.Context) (reputation.Policy, error) {
	p, err := scanReputationPolicy(db.pool.QueryRow(ctx, selectReputationPolicy))
	return p, translate(err, "read the policy of bounces and complaints")
}

// UpdateReputationPolicy replaces it: it holds for what is reported from then on. check is asked first and may refuse.
func (db *DB) UpdateReputationPolicy(ctx context.Context, p reputation.Policy, check func(version int) error) (reputation.Policy, error) {
	err := db.tx(ctx, "change the policy of bounces and complaints", func(tx pgx.Tx) error {
		before, err := scanReputationPolicy(tx.QueryRow(ctx, selectReputationPolicy+` FOR UPDATE`))
		if err != nil {
			return err
		}
		if err := check(before.Version); err != nil {
			return err
		}
		p, err = scanReputationPolicy(tx.QueryRow(ctx, `
			UPDATE reputation_policy SET soft_bounces = $1, soft_days = $2, min_sample = $3, max_bounces = $4, max_complaints = $5,
			       pause = $6, version = version + 1, updated_at = clock_timestamp()
			RETURNING soft_bounces, soft_days, min_sample, max_bounces, max_complaints, pause, version, updated_at`,
			p.SoftBounces, p.SoftDays, p.MinSample, p.MaxBounces, p.MaxComplaints, p.Pause))
		if err != nil {
			return err
		}
		return record(ctx, tx, "reputation_policy", "update", ident.UID{}, reputationPolicyChanges(before, p))
	})
	return p, err
}

// reputationPolicyChanges are the fields that changed, with what they were and are.
func reputationPolicyChanges(before, after reputation.Policy) map[string]any {
	changes := map[string]any{}
	for name, pair := range map[string][2]any{
		"soft_bounces": {before.SoftBounces, after.SoftBounces}, "soft_days": {before.SoftDays, after.SoftDays},
		"min_sample": {before.MinSample, after.MinSample}, "max_bounce_rate": {before.MaxBounces, after.MaxBounces},
		"max_complaint_rate": {before.MaxComplaints, after.MaxComplaints}, "pause": {before.Pause, after.Pause},
	} {
		if pair[0] != pair[1] {
			changes[name] = map[string]any{"from": pair[0], "to": pair[1]}
		}
	}
	return changes
}

// receivedNow is how what is being sent was received so far, by channel, without what somebody accepted. Bounces and
// complaints may have been accepted at different times.
const receivedNow = `
SELECT p.id, p.uid, s.channel_id,
       s.delivered - coalesce(b.delivered, 0), s.bounced - coalesce(b.bounced, 0),
       s.delivered - coalesce(c.delivered, 0), s.complained - coalesce(c.complained, 0)
FROM publication p
CROSS JOIN LATERAL (
    SELECT channel_id, coalesce(sum(uniques) FILTER (WHERE kind = 4), 0)::bigint AS delivered,
           coalesce(sum(uniques) FILTER (WHERE kind = 5), 0)::bigint AS bounced,
           coalesce(sum(uniques) FILTER (WHERE kind = 6), 0)::bigint AS complained
    FROM stat WHERE publication_id = p.id AND kind IN (4, 5, 6) GROUP BY channel_id) s
LEFT JOIN reputation_pause b ON b.publication_id = p.id AND b.channel_id = s.channel_id AND b.cause = 'bounces'
LEFT JOIN reputation_pause c ON c.publication_id = p.id AND c.channel_id = s.channel_id AND c.cause = 'complaints'
WHERE p.state = 'sending' AND NOT p.message`

// suspect is a publication that looks bad on a channel.
type suspect struct {
	id      int64
	channel int16
	reputation.Paused
}

// WatchReputation pauses publications that are received worse than the policy allows, and returns them. Messages are for one
// recipient each: there is nothing left to be spared. Several processes may do it at once: one of them pauses.
func (db *DB) WatchReputation(ctx context.Context) ([]reputation.Paused, error) {
	policy, err := db.ReputationPolicy(ctx)
	if err != nil || !policy.Pause {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, receivedNow)
	if err != nil {
		return nil, translate(err, "look at how mail is received")
	}
	var bad []suspect
	var s suspect
	var bounces, complaints reputation.Counts
	_, err = pgx.ForEachRow(rows, []any{&s.id, &s.Publication, &s.channel, &bounces.Delivered, &bounces.Bounced,
		&complaints.Delivered, &complaints.Complained}, func() error {
		counts := map[reputation.Cause]reputation.Counts{reputation.Bounces: bounces, reputation.Complaints: complaints}
		for _, cause := range reputation.Causes() { // of two, the first is told and the other when somebody resumes
			if policy.Exceeds(cause, counts[cause]) {
				one := s
				one.Cause = cause
				one.Bad, one.Judged = counts[cause].Of(cause)
				bad = append(bad, one)
			}
		}
		return nil
	})
	if err != nil {
		return nil, translate(err, "look at how mail is received")
	}
	var paused []reputation.Paused
	for _, one := range bad {
		did, err := db.pauseSuspect(ctx, &one, policy)
		if err != nil {
			return paused, err
		}
		if did {
			paused = append(paused, one.Paused)
		}
	}
	return paused, nil
}

// pauseSuspect pauses a publication that is still being sent, and reports whether it was.
func (db *DB) pauseSuspect(ctx context.Context, s *suspect, policy reputation.Policy) (did bool, err error) {
	kind, err := channel.KindOf(s.channel)
	if err != nil {
		return false, err
	}
	s.Channel = string(kind)
	err = db.tx(ctx, "pause a publication for how it is received", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE publication SET state = 'pausing', failure = $2, updated_at = clock_timestamp(), version = version + 1
			WHERE id = $1 AND state = 'sending'`, s.id, s.Text(policy.Limit(s.Cause)))
		if did = err == nil && tag.RowsAffected() > 0; !did {
			return err
		}
		if err := tx.QueryRow(ctx, `
			INSERT INTO reputation_pause AS r (publication_id, channel_id, cause, bad, judged) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (publication_id, channel_id, cause) DO UPDATE SET bad = excluded.bad, judged = excluded.judged,
			   paused_at = excluded.paused_at, resumed_at = NULL
			RETURNING r.paused_at`, s.id, s.channel, string(s.Cause), s.Bad, s.Judged).Scan(&s.At); err != nil {
			return err
		}
		return record(ctx, tx, "publication", "pause", s.Publication, map[string]any{
			"from": "sending", "to": "pausing", "reason": string(s.Cause), "channel": s.Channel, "bad": s.Bad, "judged": s.Judged,
		})
	})
	return did, err
}

// acceptReception is part of resuming a publication: what is known of how it was received does not pause it again.
func acceptReception(ctx context.Context, tx pgx.Tx, publication int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE reputation_pause r SET resumed_at = clock_timestamp(), delivered = s.delivered, bounced = s.bounced, complained = s.complained
		FROM (SELECT channel_id, coalesce(sum(uniques) FILTER (WHERE kind = 4), 0) AS delivered,
		             coalesce(sum(uniques) FILTER (WHERE kind = 5), 0) AS bounced, coalesce(sum(uniques) FILTER (WHERE kind = 6), 0) AS complained
		      FROM stat WHERE publication_id = $1 GROUP BY channel_id) s
		WHERE r.publication_id = $1 AND r.channel_id = s.channel_id AND r.resumed_at IS NULL`, publication)
	return err
}

// ReputationWindows is what became of all mail in the last hours, messages included.
func (db *DB) ReputationWindows(ctx context.Context) ([]reputation.Window, error) {
	list := reputation.Windows()
	for i := range list {
		w := &list[i]
		if err := db.pool.QueryRow(ctx, `
			SELECT coalesce(sum(uniques) FILTER (WHERE kind = 4), 0)::bigint, coalesce(sum(uniques) FILTER (WHERE kind = 5), 0)::bigint,
			       coalesce(sum(uniques) FILTER (WHERE kind = 6), 0)::bigint, coalesce(sum(total) FILTER (WHERE kind = 7), 0)::bigint
			FROM stat WHERE hour > clock_timestamp() - make_interval(hours => $1)`, w.Hours).
			Scan(&w.Delivered, &w.Bounced, &w.Complained, &w.SoftBounced); err != nil {
			return nil, translate(err, "count what became of mail")
		}
	}
	return list, nil
}

// ReputationPauses is at most limit publications that were paused for how they were received, the newest first.
func (db *DB) ReputationPauses(ctx context.Context, limit int) ([]reputation.Paused, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT p.uid, r.channel_id, r.cause, r.bad, r.judged, r.paused_at, r.resumed_at
		FROM reputation_pause r JOIN publication p ON p.id = r.publication_id ORDER BY r.paused_at DESC LIMIT $1`, limit)
	if err != nil {
		return nil, translate(err, "list what was paused for how it was received")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reputation.Paused, error) {
		var p reputation.Paused
		var id int16
		if err := row.Scan(&p.Publication, &id, &p.Cause, &p.Bad, &p.Judged, &p.At, &p.ResumedAt); err != nil {
			return p, err
		}
		kind, err := channel.KindOf(id)
		p.Channel = string(kind)
		return p, err
	})
	return list, translate(err, "list what was paused for how it was received")
}
