// Command configdoc writes the table of settings in docs/configuration.md: the names and defaults from the struct
// tags of config.Config, what they are and why the defaults are as they are from the comments above its fields.
//
//	go run ./internal/tools/configdoc internal/config/config.go docs/configuration.md
package main

import (
	"fmt"
	"os"
)

//go:generate go run . ../../config/config.go ../../../docs/configuration.md

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: configdoc CONFIG.go PAGE.md")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

// run writes the table of the settings in source into the page, which may be repeated.
func run(source, page string) error {
	before, err := os.ReadFile(page) //nolint:gosec // a tool of the repository: whoever runs it names the file
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	list, err := settings(source)
	if err != nil {
		return err
	}
	after, err := replace(string(before), table(list))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if after == string(before) {
		return nil
	}
	if err := os.WriteFile(page, []byte(after), 0o644); err != nil { //nolint:gosec // a page for everybody
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
