package template

// How says in what ways a program uses a piece of data; several may be true.
type How uint8

// The ways to use data.
const (
	// Written out as it is, or chosen to be: {{ x }}, {{ x or "you" }}, {{ x|default("you") }}.
	Written How = 1 << iota
	// Tested for being there, or for being empty, and for nothing else: {% if x %}, {% if x is defined %}.
	Tested
	// Addressed: written at the beginning of a link's or an image's address, where the engine looks at its scheme.
	Addressed
	// Examined in any other way: compared, filtered, walked, kept in a variable.
	Examined
)

// Use is how a program uses what stands at a path in its data.
type Use struct {
	Path []string
	How  How
}
