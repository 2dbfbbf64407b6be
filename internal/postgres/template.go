package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
	"github.com/presswork/presswork/internal/template"
)

const (
	noTemplate    = "There is no such template."
	takenTemplate = "There is a template with this name already."
)

// A template with all languages of one version, as one row.
const selectTemplate = `
SELECT t.id, t.uid, t.name, t.channel, v.version, t.created_at, t.updated_at,
       jsonb_object_agg(v.language, jsonb_build_object('Subject', v.subject, 'HTML', v.html, 'Text', v.text))
FROM template t JOIN template_version v ON v.template_id = t.id `

// CreateTemplate stores the first version of a template. It returns Conflict if its name exists.
func (db *DB) CreateTemplate(ctx context.Context, s template.Set) (template.Set, error) {
	s.UID, s.Version = ident.New(), 1
	err := db.tx(ctx, "create a template", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			INSERT INTO template (uid, name, channel) VALUES ($1, $2, $3) RETURNING id, created_at, updated_at`,
			s.UID, s.Name, s.Channel).Scan(&s.ID, &s.CreatedAt, &s.UpdatedAt)
		if err != nil {
			return taken(err, takenTemplate)
		}
		if err := insertTemplateVersion(ctx, tx, s); err != nil {
			return err
		}
		return record(ctx, tx, "template", "create", s.UID, nil)
	})
	return s, err
}

func insertTemplateVersion(ctx context.Context, tx pgx.Tx, s template.Set) error {
	var languages, subjects, htmls, texts []string
	for language, source := range s.Languages {
		languages, subjects = append(languages, language), append(subjects, source.Subject)
		htmls, texts = append(htmls, source.HTML), append(texts, source.Text)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO template_version (template_id, version, language, subject, html, text)
		SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[])`,
		s.ID, s.Version, languages, subjects, htmls, texts)
	return err
}

// Template is the newest version of a template, or NotFound.
func (db *DB) Template(ctx context.Context, uid ident.UID) (template.Set, error) {
	s, err := scanTemplate(db.pool.QueryRow(ctx, selectTemplate+`
		AND v.version = t.version WHERE t.uid = $1 GROUP BY t.id, v.version`, uid))
	return s, translate(missing(err, noTemplate), "read a template")
}

// PinnedTemplate is a template at the version that a publication was accepted with, or NotFound.
func (db *DB) PinnedTemplate(ctx context.Context, id int64, version int) (template.Set, error) {
	s, err := scanTemplate(db.pool.QueryRow(ctx, selectTemplate+`
		WHERE t.id = $1 AND v.version = $2 GROUP BY t.id, v.version`, id, version))
	return s, translate(missing(err, noTemplate), "read a pinned template")
}

// UpdateTemplate stores what change makes of the newest version as the next one; the channel stays. Errors
// of change pass. It returns NotFound, or Conflict for a name that exists.
func (db *DB) UpdateTemplate(
	ctx context.Context, uid ident.UID, change func(template.Set) (template.Set, error),
) (template.Set, error) {
	var s template.Set
	err := db.tx(ctx, "update a template", func(tx pgx.Tx) error {
		// The lock comes first: with GROUP BY no rows can be locked.
		if err := tx.QueryRow(ctx, `SELECT id FROM template WHERE uid = $1 FOR UPDATE`, uid).Scan(new(int64)); err != nil {
			return missing(err, noTemplate)
		}
		before, err := scanTemplate(tx.QueryRow(ctx, selectTemplate+`
			AND v.version = t.version WHERE t.uid = $1 GROUP BY t.id, v.version`, uid))
		if err != nil {
			return err
		}
		if s, err = change(before); err != nil {
			return err
		}
		s.ID, s.UID, s.Channel, s.Version, s.CreatedAt = before.ID, uid, before.Channel, before.Version+1, before.CreatedAt
		err = tx.QueryRow(ctx, `
			UPDATE template SET name = $2, version = $3, updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at`,
			s.ID, s.Name, s.Version).Scan(&s.UpdatedAt)
		if err != nil {
			return taken(err, takenTemplate)
		}
		if err := insertTemplateVersion(ctx, tx, s); err != nil {
			return err
		}
		return record(ctx, tx, "template", "update", uid, map[string]any{"version": s.Version, "fields": templateFields(before, s)})
	})
	return s, err
}

// DeleteTemplate removes a template with its versions. check is asked first and may refuse. It returns NotFound,
// or Conflict while a publication that is not finished uses it.
func (db *DB) DeleteTemplate(ctx context.Context, uid ident.UID, check func(version int) error) error {
	return db.tx(ctx, "delete a template", func(tx pgx.Tx) error {
		var version int
		var used bool
		err := tx.QueryRow(ctx, `
			SELECT t.version, EXISTS (SELECT FROM publication p, jsonb_each(p.templates) AS pin
			               WHERE (pin.value->>'id')::bigint = t.id
			                 AND p.state NOT IN ('cancelled', 'completed', 'completed_with_failures', 'failed'))
			FROM template t WHERE t.uid = $1 FOR UPDATE`, uid).Scan(&version, &used)
		if err != nil {
			return missing(err, noTemplate)
		}
		if err := check(version); err != nil {
			return err
		}
		if used {
			return fault.New(fault.Conflict, "in_use", "A publication that is not finished uses this template.")
		}
		if _, err := tx.Exec(ctx, `DELETE FROM template WHERE uid = $1`, uid); err != nil {
			return err
		}
		return record(ctx, tx, "template", "delete", uid, nil)
	})
}

// ListTemplates is at most limit templates with ids above after, by id, in their newest version. Their
// languages have empty sources.
func (db *DB) ListTemplates(ctx context.Context, after int64, limit int) ([]template.Set, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT t.id, t.uid, t.name, t.channel, t.version, t.created_at, t.updated_at, jsonb_object_agg(v.language, '{}'::jsonb)
		FROM template t JOIN template_version v ON v.template_id = t.id AND v.version = t.version
		WHERE t.id > $1 GROUP BY t.id ORDER BY t.id LIMIT $2`, after, limit)
	if err != nil {
		return nil, translate(err, "list templates")
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (template.Set, error) { return scanTemplate(row) })
	return list, translate(err, "list templates")
}

func scanTemplate(row pgx.Row) (template.Set, error) {
	var s template.Set
	var languages []byte
	err := row.Scan(&s.ID, &s.UID, &s.Name, &s.Channel, &s.Version, &s.CreatedAt, &s.UpdatedAt, &languages)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(languages, &s.Languages)
}
