package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

func readFloor(name string) (float64, error) {
	text, err := os.ReadFile(name) //nolint:gosec // named on the command line by the caller
	if err != nil {
		return 0, err
	}
	floor, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil || math.IsNaN(floor) || floor < 0 || floor > 100 {
		return 0, fmt.Errorf("%s: not a percentage: %q", name, text)
	}
	return floor, nil
}

// slack is how far below what was measured the floor is set, in points: which branches run depends a little on
// timing, and a floor without slack would fail at random.
const slack = 0.3

// raiseFloor writes the new floor, rounded down to a tenth, if it is higher than the old one.
func raiseFloor(out io.Writer, percent, floor float64, name string) error {
	next := math.Floor((percent-slack)*10) / 10
	if next <= floor {
		return nil
	}
	fmt.Fprintf(out, "coverage: the floor rises from %.1f%% to %.1f%%\n", floor, next)
	return os.WriteFile(name, fmt.Appendf(nil, "%.1f\n", next), 0o644) //nolint:gosec // a committed file, for all to read
}

// printPackages lists the packages, least covered first.
func printPackages(out io.Writer, perPackage map[string]tally) {
	names := slices.SortedFunc(maps.Keys(perPackage), func(a, b string) int {
		return cmp.Or(cmp.Compare(perPackage[a].percent(), perPackage[b].percent()), cmp.Compare(a, b))
	})
	for _, name := range names {
		fmt.Fprintf(out, "%6.1f%%  %5d  %s\n", perPackage[name].percent(), perPackage[name].statements, name)
	}
}
