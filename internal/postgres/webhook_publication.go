package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/publication"
	"github.com/presswork/presswork/internal/webhook"
)

// moved is the type of the event that a publication is in another state; "" for states that are only on the way to others.
func moved(from, to publication.State) webhook.Type {
	resumed := from == publication.Paused || from == publication.Pausing
	switch to {
	case publication.Draft:
		return webhook.PublicationDrafted
	case publication.Scheduled, publication.Queued, publication.Sending:
		if resumed {
			return webhook.PublicationResumed
		}
		return webhook.Type("publication." + string(to))
	case publication.Paused:
		return webhook.PublicationPaused
	case publication.Completed, publication.CompletedWithFailures:
		return webhook.PublicationCompleted
	case publication.Failed:
		return webhook.PublicationFailed
	case publication.Cancelled:
		return webhook.PublicationCancelled
	default:
		return ""
	}
}

// revised is the type of the event that somebody stored or changed a publication before it begins; asks: it needs approval.
// Of a change that leaves a draft a draft, or a paused one paused, nothing is told.
func revised(from, to publication.State, asks bool) webhook.Type {
	switch {
	case asks:
		return webhook.PublicationApprovalRequired
	case from == to && to != publication.Scheduled:
		return ""
	default:
		return moved(from, to)
	}
}

// happened is what is to be told of a publication.
type happened struct {
	id   int64
	what webhook.Type // "": nothing
}

// toldOfPublications reads publications as the transaction left them, with counts of those that were sending.
const toldOfPublications = `
SELECT p.id, p.uid, p.state, p.version, p.scheduled_at, p.started_at, p.completed_at, p.failure,
       c.size, c.sent, c.failed, c.uncertain, c.skipped
FROM publication p
LEFT JOIN LATERAL (SELECT sum(size) AS size, sum(n_sent) AS sent, sum(n_failed) AS failed, sum(n_uncertain) AS uncertain,
                          sum(n_skipped) AS skipped
                   FROM batch WHERE publication_id = p.id) c
       ON p.state IN ('paused', 'completed', 'completed_with_failures', 'cancelled')
WHERE p.id = ANY($1)`

// announcePublications tells what happened to publications, as they are now.
func (db *DB) announcePublications(ctx context.Context, tx pgx.Tx, list ...happened) error {
	taken, err := db.takers.now(ctx, tx)
	if err != nil {
		return err
	}
	var ids []int64
	for _, h := range list {
		if taken.any(h.what) {
			ids = append(ids, h.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	now, err := publicationData(ctx, tx, ids)
	if err != nil {
		return err
	}
	var events []webhook.Event
	for _, h := range list {
		if data, there := now[h.id]; there && taken.any(h.what) {
			events = append(events, publicationEvent(h.what, data))
		}
	}
	return db.tell(ctx, tx, events)
}

func publicationEvent(what webhook.Type, data webhook.PublicationData) webhook.Event {
	return webhook.Event{Type: what, Subject: webhook.SubjectOf("publications", data.Publication), Data: data}
}

func publicationData(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]webhook.PublicationData, error) {
	rows, err := tx.Query(ctx, toldOfPublications, ids)
	if err != nil {
		return nil, err
	}
	now := make(map[int64]webhook.PublicationData, len(ids))
	for rows.Next() {
		var id int64
		var d webhook.PublicationData
		var size, sent, failed, uncertain, skipped *int64
		if err := rows.Scan(&id, &d.Publication, &d.State, &d.Version, &d.ScheduledAt, &d.StartedAt, &d.EndedAt, &d.Failure,
			&size, &sent, &failed, &uncertain, &skipped); err != nil {
			return nil, err
		}
		if size != nil {
			d.Counts = &webhook.Counts{Recipients: *size, Sent: *sent, Failed: *failed, Uncertain: *uncertain, Skipped: *skipped}
		}
		now[id] = d
	}
	return now, rows.Err()
}

// acceptedEvent tells that a publication was stored just now, and is on its way.
func acceptedEvent(uid ident.UID, at *time.Time) webhook.Event {
	state := publication.Queued
	if at != nil {
		state = publication.Scheduled
	}
	return publicationEvent(moved(publication.Draft, state),
		webhook.PublicationData{Publication: uid, State: string(state), Version: 1, ScheduledAt: at})
}
