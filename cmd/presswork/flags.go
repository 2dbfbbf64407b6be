package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// chosen is the value of a flag that is not empty if it is given: a variable that a script forgot to set must not choose
// everything.
type chosen string

// String is the value.
func (v *chosen) String() string { return string(*v) }

// Type is what the help calls the value.
func (*chosen) Type() string { return "string" }

// Set takes a value.
func (v *chosen) Set(text string) error {
	if text == "" {
		return errors.New("must not be empty")
	}
	*v = chosen(text)
	return nil
}

// choose adds a flag with a value that is not empty.
func choose(flags *pflag.FlagSet, into *string, name, usage string) {
	flags.Var((*chosen)(into), name, usage)
}

// moment is the value of a flag that is a time.
type moment struct{ at *time.Time }

// String is the time, "" if there is none.
func (v moment) String() string {
	if v.at == nil || v.at.IsZero() {
		return ""
	}
	return v.at.Format(time.RFC3339)
}

// Type is what the help calls the value.
func (moment) Type() string { return "time" }

// Set takes a time as RFC 3339 writes it.
func (v moment) Set(text string) error {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return err
	}
	*v.at = at
	return nil
}

// rfc3339 is a time in text, "" for none.
func rfc3339(at time.Time) string { return moment{&at}.String() }

// readIDs reads numbers.
func readIDs(args []string) ([]int64, error) {
	var ids []int64
	for _, text := range args {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the id: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// must makes flags ones that a command cannot do without.
func must(command *cobra.Command, names ...string) {
	for _, name := range names {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // a mistake in the code: there is no such flag
		}
	}
}
