package fault

import "fmt"

// Fields collects every problem of an input, so that all are answered at once.
// The zero value is ready.
type Fields struct{ list []Field }

// Add notes a problem at an RFC 6901 pointer.
func (f *Fields) Add(pointer, code, format string, args ...any) {
	f.list = append(f.list, Field{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
}

// Merge takes over the fields of an Invalid error below a prefix ("/subscribers/3"); it reports
// whether err was one.
func (f *Fields) Merge(prefix string, err error) bool {
	var e *Error
	if !asInvalid(err, &e) {
		return false
	}
	for _, field := range e.Fields {
		field.Pointer = prefix + field.Pointer
		f.list = append(f.list, field)
	}
	return true
}

// List is what was collected so far.
func (f *Fields) List() []Field { return f.list }

// Err is an Invalid error holding every field, or nil if there is none.
func (f *Fields) Err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid_input", Detail: "The input has errors.", Fields: f.list}
}
