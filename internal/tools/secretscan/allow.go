package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// exception is a string that looks like a secret and is none.
type exception struct {
	text, reason string
	line         int
	used         bool
}

// allowList holds the exceptions, matched whole.
type allowList struct{ entries []*exception }

// errReason is returned for an exception that does not say why it is one.
var errReason = errors.New("an exception is a string, a space, # and the reason")

// parseAllowed reads the exceptions: one a line, then " # " and the reason. Lines that begin with # are comments.
func parseAllowed(text []byte) (*allowList, error) {
	allowed := &allowList{}
	n := 0
	for raw := range bytes.Lines(text) {
		n++
		line := strings.TrimSpace(string(raw))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		value, reason, _ := strings.Cut(line, " # ")
		value, reason = strings.TrimSpace(value), strings.TrimSpace(reason)
		if reason == "" || strings.ContainsAny(value, " \t") {
			return nil, fmt.Errorf("line %d: %w", n, errReason)
		}
		allowed.entries = append(allowed.entries, &exception{text: value, reason: reason, line: n})
	}
	return allowed, nil
}

// has says whether text is an exception, and notes that it was needed.
func (a *allowList) has(text string) bool {
	for _, entry := range a.entries {
		if entry.text == text {
			entry.used = true
			return true
		}
	}
	return false
}

func (a *allowList) unused() []*exception {
	var unused []*exception
	for _, entry := range a.entries {
		if !entry.used {
			unused = append(unused, entry)
		}
	}
	return unused
}
