package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Fields collects every problem of an input, so that all are answered at once.
// The zero value is ready.
type Fields struct{ list []Field }

// Add notes a problem at an RFC 6901 pointer.
func (f *Fields) Add(pointer, code, format string, args ...any) {
	f.list = append(f.list, Field{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
}

// Join notes the fields of an error that has some.
func (f *Fields) Join(err error) {
	var e *Error
	if errors.As(err, &e) {
		f.list = append(f.list, e.Fields...)
	}
}

// tokens escapes what a pointer's parts may not hold (RFC 6901, section 3).
var tokens = strings.NewReplacer("~", "~0", "/", "~1")

// Token is a name that is not ours as a part of a pointer: "a~1b" for "a/b".
func Token(name string) string { return tokens.Replace(name) }

// List is what was collected so far.
func (f *Fields) List() []Field { return f.list }

// Err is an Invalid error holding every field, or nil if there is none.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid_input", Detail: "The input has errors.", Fields: f.list}
}
