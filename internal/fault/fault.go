// Package fault is the one vocabulary of errors. An error says what must happen next; one place
// turns that into the queue's terms (internal/delivery for recipients, internal/queue for tasks) and
// one into HTTP's (internal/httpapi).
//
// An error without a Kind is Internal: its text stays in the log, and callers see only a correlation id.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what must happen next.
type Kind uint8

const (
	// Internal is an unforeseen failure. A task is retried, a request is answered 500.
	Internal Kind = iota
	// Retry is a transient failure: it certainly did not happen, and is worth another attempt.
	Retry
	// Wait means not now: try again after Error.After. It uses no attempt. HTTP 429.
	Wait
	// GiveUp is final: another attempt would fail in the same way.
	GiveUp
	// Uncertain means it may have happened: never repeat it blindly.
	Uncertain
	// Invalid input; Error.Fields says which. HTTP 422.
	Invalid
	// Malformed input that could not be read at all. HTTP 400.
	Malformed
	// NotFound is an unknown entity or route. HTTP 404.
	NotFound
	// Conflict with the present state. HTTP 409.
	Conflict
	// Unauthenticated callers have not shown who they are. HTTP 401.
	Unauthenticated
	// Forbidden callers may not do this. HTTP 403.
	Forbidden
	// TooLarge is a body over its limit. HTTP 413.
	TooLarge
	// Timeout is a database statement that took too long. HTTP 504.
	Timeout
	// Unavailable is a database or queue that cannot be reached. HTTP 503.
	Unavailable
)

var kindNames = [...]string{
	Internal: "internal", Retry: "retry", Wait: "wait", GiveUp: "give_up", Uncertain: "uncertain",
	Invalid: "invalid", Malformed: "malformed", NotFound: "not_found", Conflict: "conflict",
	Unauthenticated: "unauthenticated", Forbidden: "forbidden", TooLarge: "too_large",
	Timeout: "timeout", Unavailable: "unavailable",
}

// String is the kind as it stands in logs, metrics and dead letters.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is an error that knows what must happen next.
type Error struct {
	Kind Kind
	// Code is a stable, documented word for the cause: "unknown_channel", "mailbox_full".
	Code string
	// Detail is for people. It holds no personal data and no secret.
	Detail string
	// After is how long to wait; only with Wait and Unavailable.
	After time.Duration
	// Fields are the invalid parts of the input; only with Invalid.
	Fields []Field
	// Err is the cause, for the log.
	Err error
}

// Field is one invalid part of an input.
type Field struct {
	// Pointer is an RFC 6901 JSON pointer: "/channels/0".
	Pointer string
	// Code is a stable word: "required", "too_long".
	Code string
	// Detail is for people.
	Detail string
}

// Error joins code, detail and cause.
func (e *Error) Error() string {
	text := e.Code
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	for _, f := range e.Fields {
		text += "; " + f.Pointer + " " + f.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind. The code is stable; the detail is for people.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Wrap gives err a kind and a code. It returns nil for a nil err.
func Wrap(err error, kind Kind, code string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Code: code, Err: err}
}

// WaitFor says: not now, try again after d. It uses no attempt.
func WaitFor(d time.Duration, code string, err error) error {
	return &Error{Kind: Wait, Code: code, After: d, Err: err}
}

// KindOf is the kind of the outermost Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf is the code of the outermost Error in err's chain, "internal" if there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return "internal"
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
