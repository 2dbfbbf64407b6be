// Command coverage computes the statement coverage of a merged profile and holds a floor under it.
//
// Test binaries each report every block they were linked with, so a profile made with -coverpkg names a block
// many times; a block counts as covered when any of them says so. Not counted: generated files, package main
// (its commands are run, not imported), and what exists for tests only.
//
//	coverage -profile coverage.out -floor .ci/coverage-floor          print, fail below the floor
//	coverage -profile coverage.out -floor .ci/coverage-floor -raise   and write the floor anew if it rises
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

// errBelow says that coverage sank below the floor.
var errBelow = errors.New("coverage is below the floor")

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("coverage", flag.ContinueOnError)
	profile := flags.String("profile", "coverage.out", "profile written by go test")
	floorFile := flags.String("floor", ".ci/coverage-floor", "file with the least percentage that passes")
	root := flags.String("root", ".", "folder of the module")
	raise := flags.Bool("raise", false, "write the floor anew if coverage is higher")
	packages := flags.Bool("packages", false, "print each package, least covered first")
	if err := flags.Parse(args); err != nil {
		return err
	}

	blocks, err := readFile(*profile)
	if err != nil {
		return err
	}
	counted, err := newCounted(*root)
	if err != nil {
		return err
	}
	total, perPackage, err := sum(blocks, counted.includes)
	if err != nil {
		return err
	}
	floor, err := readFloor(*floorFile)
	if err != nil {
		return err
	}
	if *packages {
		printPackages(out, perPackage)
	}
	return judge(out, total, floor, *raise, *floorFile)
}

// judge prints the verdict and, when asked to, raises the floor. It never lowers it.
func judge(out io.Writer, total tally, floor float64, raise bool, floorFile string) error {
	if total.statements == 0 {
		return errors.New("the profile has no statement that counts")
	}
	fmt.Fprintf(out, "coverage: %.1f%% of %d statements (floor %.1f%%)\n", total.percent(), total.statements, floor)
	if total.percent() < floor {
		return fmt.Errorf("%w: %.2f%% < %.1f%%", errBelow, total.percent(), floor)
	}
	if !raise {
		return nil
	}
	return raiseFloor(out, total.percent(), floor, floorFile)
}
