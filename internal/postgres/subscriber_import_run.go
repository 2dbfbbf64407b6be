package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/subscriber"
)

const (
	// importsKept is how long it can be asked what became of an import.
	importsKept = 30 * 24 * time.Hour
	// importSilence is after how long without a chunk a run's process counts as dead; a chunk may take the statement timeout.
	importSilence = 30 * time.Second
)

const noImport = "There is no such import."

const selectImport = `
SELECT uid, state, mark, dry_run, duplicates, lines, done, created, updated, skipped, left_unsubscribed, bad, problems, created_at, updated_at
FROM subscriber_import `

// BeginImport notes that a file is about to be imported. If its uid is one that is there, it is the same import: of the same file
// in the same way it returns what there is, to be gone on with if it is running; else Conflict (import_differs), and Conflict
// (import_running) while another process stores its lines.
func (db *DB) BeginImport(ctx context.Context, run subscriber.Run) (subscriber.Run, error) {
	begun := run
	err := db.tx(ctx, "begin an import", func(tx pgx.Tx) error {
		var err error
		begun, err = scanImport(tx.QueryRow(ctx, `
			INSERT INTO subscriber_import AS i (uid, state, mark, dry_run, duplicates, lines) VALUES ($1, 'running', $2, $3, $4, $5)
			ON CONFLICT (uid) DO UPDATE SET updated_at = clock_timestamp()
			WHERE i.mark = $2 AND i.state = 'running' AND i.updated_at < clock_timestamp() - $6::interval
			RETURNING uid, state, mark, dry_run, duplicates, lines, done, created, updated, skipped, left_unsubscribed, bad, problems, created_at, updated_at`,
			run.UID, run.Mark, run.DryRun, string(run.On), run.Lines, importSilence))
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		begun, err = scanImport(tx.QueryRow(ctx, selectImport+`WHERE uid = $1`, run.UID))
		switch {
		case err != nil:
			return err
		case !bytes.Equal(begun.Mark, run.Mark):
			return fault.New(fault.Conflict, "import_differs", "There is an import with this id already, of another file or with other options.")
		case begun.State == subscriber.ImportRunning:
			return fault.New(fault.Conflict, "import_running", "This import is under way: ask how far it is.")
		}
		return nil
	})
	begun.ConsentSource = run.ConsentSource
	return begun, err
}

// advanceImport notes in tx that a run is as far as next, from where before was: whoever else went on with it is found out.
func advanceImport(ctx context.Context, tx pgx.Tx, before, next subscriber.Run) error {
	tag, err := tx.Exec(ctx, `
		UPDATE subscriber_import SET done = $3, created = $4, updated = $5, skipped = $6, left_unsubscribed = $7, updated_at = clock_timestamp()
		WHERE uid = $1 AND done = $2 AND state = 'running'`,
		before.UID, before.Done, next.Done, next.Created, next.Updated, next.Skipped, next.LeftUnsubscribed)
	if err != nil {
		return fmt.Errorf("note how far an import is: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return fault.New(fault.Conflict, "import_elsewhere", "Another request goes on with this import.")
	}
	return nil
}

// EndImport notes how a run ended, and in the audit log if it may have stored something. It may be repeated.
func (db *DB) EndImport(ctx context.Context, run subscriber.Run) error {
	problems, err := json.Marshal(run.Problems)
	if err != nil {
		return fmt.Errorf("write the problems of an import: %w", err)
	}
	return db.tx(ctx, "end an import", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE subscriber_import SET state = $2, created = $3, updated = $4, skipped = $5, bad = $6, problems = $7, left_unsubscribed = $8,
			       updated_at = clock_timestamp()
			WHERE uid = $1 AND state = 'running'`,
			run.UID, string(run.State), run.Created, run.Updated, run.Skipped, run.Bad, string(problems), run.LeftUnsubscribed)
		if err != nil || tag.RowsAffected() == 0 || run.DryRun || run.State != subscriber.ImportCompleted {
			return err
		}
		return record(ctx, tx, "subscriber", "import", ident.UID{}, map[string]any{
			"created": run.Created, "updated": run.Updated, "skipped": run.Skipped, "left_unsubscribed": run.LeftUnsubscribed,
		})
	})
}

// forgetImports removes at most limit of the imports that were heard of last before a time.
func (db *DB) forgetImports(ctx context.Context, before time.Time, limit int) (int64, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM subscriber_import WHERE uid IN (SELECT uid FROM subscriber_import WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)`, before, limit)
	return tag.RowsAffected(), translate(err, "forget imports")
}

// forgetImport takes a run back that stored nothing: it may be tried again with the same id.
func (db *DB) forgetImport(ctx context.Context, uid ident.UID) error {
	_, err := db.pool.Exec(ctx, `DELETE FROM subscriber_import WHERE uid = $1 AND done = 0 AND state = 'running'`, uid)
	return translate(err, "forget an import")
}

// ImportRun is the import with a uid, or NotFound.
func (db *DB) ImportRun(ctx context.Context, uid ident.UID) (subscriber.Run, error) {
	run, err := scanImport(db.pool.QueryRow(ctx, selectImport+`WHERE uid = $1`, uid))
	return run, translate(missing(err, noImport), "read an import")
}

func scanImport(row pgx.Row) (subscriber.Run, error) {
	var r subscriber.Run
	var state, on string
	var problems []byte
	err := row.Scan(&r.UID, &state, &r.Mark, &r.DryRun, &on, &r.Lines, &r.Done, &r.Created, &r.Updated, &r.Skipped, &r.LeftUnsubscribed, &r.Bad, &problems,
		&r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return r, err
	}
	r.State, r.On = subscriber.ImportState(state), subscriber.OnDuplicate(on)
	return r, json.Unmarshal(problems, &r.Problems)
}
