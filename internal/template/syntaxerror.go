package template

import "fmt"

func errorAt(source string, offset int, format string, args ...any) *SyntaxError {
	return ErrorAt("", source, offset, format, args...)
}

// ErrorAt makes the SyntaxError for a byte offset of a source.
func ErrorAt(name, source string, offset int, format string, args ...any) *SyntaxError {
	line, column := Position(source, offset)
	return &SyntaxError{Name: name, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}
