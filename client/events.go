package client

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"
)

// event is a server-sent event (WHATWG HTML, 9.2).
type event struct {
	id, kind, data string
}

// maxLine bounds a line of a stream, in bytes. A progress has some kilobytes.
const maxLine = 1 << 20

// events ranges over those of a stream, until it ends: at an error, if it broke off. An event that was not finished with
// an empty line is none; comments and what else there may be are passed over.
func events(stream io.Reader) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		lines := bufio.NewScanner(stream)
		lines.Buffer(nil, maxLine)
		id := "" // holds for the events that follow as well
		kind, data, begun := "", "", false
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch {
			case lines.Text() == "":
				if begun && !yield(event{id, kind, data}, nil) {
					return
				}
				kind, data, begun = "", "", false
			case name == "id":
				id = value
			case name == "event":
				kind = value
			case name == "data" && begun:
				data += "\n" + value
			case name == "data":
				data, begun = value, true
			}
		}
		if err := lines.Err(); err != nil {
			yield(event{}, fmt.Errorf("read a stream: %w", err))
		}
	}
}
