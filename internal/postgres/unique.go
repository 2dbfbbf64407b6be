package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/fault"
)

// taken gives a unique violation (SQLSTATE 23505) a detail that callers understand.
func taken(err error, detail string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return &fault.Error{Kind: fault.Conflict, Code: "already_exists", Detail: detail, Err: err}
	}
	return err
}

// missing turns "no rows" into NotFound with a detail.
func missing(err error, detail string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "not_found", detail)
	}
	return err
}

// used gives a foreign key violation (SQLSTATE 23503) a detail that callers understand.
func used(err error, detail string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" {
		return &fault.Error{Kind: fault.Conflict, Code: "in_use", Detail: detail, Err: err}
	}
	return err
}
