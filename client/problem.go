package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is an error that the API answered (RFC 9457); errors.As finds it in what a call returns.
type Problem struct {
	// Type is what programs go by: "/problems/not_found". It is empty if something between here and the API answered.
	Type          string `json:"type"`
	Title         string `json:"title"`
	Status        int    `json:"status"`
	Detail        string `json:"detail"`
	Instance      string `json:"instance"`
	CorrelationID string `json:"correlation_id"`
	// Errors are the invalid parts of the request, or of the lines of an import.
	Errors []Field `json:"errors"`

	// RetryAfter is how long the API asks to wait; 0: it does not say.
	RetryAfter time.Duration `json:"-"`
	// Limits are those of the caller, as far as the answer told.
	Limits []Limit `json:"-"`
	// Attempts is how many were made in all.
	Attempts int `json:"-"`

	body []byte
}

// Into reads the whole problem, with the members that only problems of its type have, as of a refused import into an
// *api.ImportProblem.
func (p *Problem) Into(v any) error {
	if err := json.Unmarshal(p.body, v); err != nil {
		return fmt.Errorf("read a problem: %w", err)
	}
	return nil
}

// Field is one invalid part of a request, or of a line of an import.
type Field struct {
	Pointer string `json:"pointer"` // a JSON pointer into the body
	Line    int    `json:"line"`    // of an import, from 1
	Column  string `json:"column"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Code is the last part of the type: "not_found".
func (p *Problem) Code() string { return p.Type[strings.LastIndexByte(p.Type, '/')+1:] }

// Error is the title, the detail and the first few fields.
func (p *Problem) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", p.Status, p.Title))
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for i, e := range p.Errors {
		switch {
		case i == 5:
			return fmt.Sprintf("%s; and %d more", text, len(p.Errors)-i)
		case e.Line > 0:
			text += fmt.Sprintf("; line %d %s %s", e.Line, e.Column, e.Detail)
		default:
			text += fmt.Sprintf("; %s %s", e.Pointer, e.Detail)
		}
	}
	return text
}

// Passing reports an error that may be gone in a moment: no answer, or one that says so.
func Passing(err error) bool {
	var p *Problem
	return !errors.As(err, &p) || p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests
}

// maxProblem bounds what is read of an error, in bytes: an import names up to 1,000 lines.
const maxProblem = 4 << 20

func readProblem(answer *http.Response) *Problem {
	defer func() { _ = answer.Body.Close() }()
	var p Problem
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	if err != nil || json.Unmarshal(body, &p) != nil { // whoever it was that answered
		p = Problem{Title: http.StatusText(answer.StatusCode)}
	}
	p.body = body
	p.Status = answer.StatusCode
	p.RetryAfter = retryAfter(answer.Header)
	p.Limits = limits(answer.Header)
	return &p
}

// retryAfter reads the header: seconds, or a date (RFC 9110, 10.2.3); 0 if there is none, or none that makes sense.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// told puts the number of attempts into a problem.
func told(err error, attempts int) error {
	var p *Problem
	if errors.As(err, &p) {
		p.Attempts = attempts
	}
	return err
}
