package webhook

import (
	"net/http"
	"strconv"
	"time"
)

// Answer is what came of a post.
type Answer struct {
	// Status is that of the answer; 0: none came.
	Status int
	// RetryAfter is what the header of that name asks for; Told: it was there. At most a day.
	RetryAfter time.Duration
	Told       bool
	// Error says why there is no answer.
	Error string
}

// OK reports whether the receiver has the event.
func (a Answer) OK() bool {
	return a.Status >= http.StatusOK && a.Status < http.StatusMultipleChoices
}

// Words is what an attempt is remembered by: "" for success, what the answer was, or why there is none.
func (a Answer) Words() string {
	switch {
	case a.OK():
		return ""
	case a.Status == 0:
		return a.Error
	case a.Status >= http.StatusMultipleChoices && a.Status < http.StatusBadRequest:
		return "a redirect, which is not followed"
	case a.Status == http.StatusGone:
		return "the endpoint wants nothing any more"
	}
	return http.StatusText(a.Status)
}

// Line is the status of an answer and what it means: "404 Not Found".
func (a Answer) Line() string {
	if text := http.StatusText(a.Status); text != "" {
		return strconv.Itoa(a.Status) + " " + text
	}
	return strconv.Itoa(a.Status)
}
