package main

import "strings"

// culture is where people have names, languages and homes in common.
type culture struct {
	given, family []word
	familyFirst   bool
	// joint is what stands between the parts of a name.
	joint     string
	languages []string
	places    []place
}

// word is a part of a name, in its own script and in plain Latin letters for an address.
type word struct{ native, latin string }

type place struct{ city, zone, country string }

func (c culture) write(given, family word) string {
	if c.familyFirst {
		return family.native + c.joint + given.native
	}
	return given.native + c.joint + family.native
}

// words reads "José/jose Ana": what comes after the slash is the Latin form; without one it is the same in
// lower case.
func words(list string) []word {
	fields := strings.Fields(list)
	out := make([]word, 0, len(fields))
	for _, field := range fields {
		native, latin, given := strings.Cut(field, "/")
		if !given {
			latin = strings.ToLower(native)
		}
		out = append(out, word{strings.ReplaceAll(native, "_", " "), latin})
	}
	return out
}

// cultures lists them all.
func cultures() []culture {
	return append(european(), worldwide()...)
}
