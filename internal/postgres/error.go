package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/presswork/presswork/internal/fault"
)

// translate turns a driver's error into a fault, with what was being done. Faults pass unchanged, so that
// a transaction's closure may return one.
func translate(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, classify(err))
}

func classify(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return &fault.Error{Kind: fault.NotFound, Code: "not_found", Err: err}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyServer(pg, err)
	}
	var network net.Error
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{Kind: fault.Timeout, Code: "database_timeout", Err: err}
	case errors.As(err, &connect), errors.As(err, &network), pgconn.SafeToRetry(err),
		errors.Is(err, net.ErrClosed), strings.Contains(err.Error(), "conn closed"),
		strings.Contains(err.Error(), "unexpected EOF"):
		return unavailable(err)
	}
	return discreet(err)
}

// classifyServer goes by SQLSTATE (PostgreSQL manual, appendix A).
func classifyServer(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "23505":
		return &fault.Error{Kind: fault.Conflict, Code: "already_exists", Detail: pg.ConstraintName, Err: err}
	case pg.Code == "23503":
		return &fault.Error{Kind: fault.Conflict, Code: "in_use", Detail: pg.ConstraintName, Err: err}
	case pg.Code == "57014", pg.Code == "25P03":
		return &fault.Error{Kind: fault.Timeout, Code: "database_timeout", Err: err}
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "53"):
		return unavailable(err)
	default:
		return discreet(err)
	}
}

// valueless is an error whose text has no value of a row or of a statement in it. What it wraps answers errors.Is and errors.As.
type valueless struct {
	text string
	err  error
}

// Error is what happened, without the value that it happened with.
func (e *valueless) Error() string { return e.text }

// Unwrap is the error as it came.
func (e *valueless) Unwrap() error { return e.err }

// discreet leaves the values out of those errors that repeat them, which end in logs: of a server's data exceptions (class
// 22: "invalid input syntax for type bigint: …"), of what functions raise (P0001), and of the driver's "unable to encode …".
func discreet(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if strings.HasPrefix(pg.Code, "22") || pg.Code == "P0001" {
			return &valueless{text: fmt.Sprintf("a value that PostgreSQL does not take (SQLSTATE %s)", pg.Code), err: err}
		}
		return err
	}
	if before, _, found := strings.Cut(err.Error(), "unable to encode"); found {
		return &valueless{text: before + "a value that the driver cannot encode", err: err}
	}
	return err
}

func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "database_unavailable", After: 5 * time.Second, Err: err}
}
