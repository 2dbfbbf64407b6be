// Command generate writes the demo's subscribers: a thousand invented people, the same ones every time.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/presswork/presswork/internal/subscriber"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1) //nolint:forbidigo // only main ends the process, and this is main
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("the argument is the file to write")
	}
	file, err := subscribers()
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], file, 0o644) //nolint:gosec // invented people, for everybody to read
}

// subscribers is the CSV file.
func subscribers() ([]byte, error) {
	var file bytes.Buffer
	out, err := subscriber.NewExport(&file, []string{"company", "city"})
	if err != nil {
		return nil, err
	}
	for _, s := range invent(count) {
		if err := out.Write(s); err != nil {
			return nil, err
		}
	}
	err = out.Flush()
	return file.Bytes(), err
}
