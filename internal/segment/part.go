package segment

import (
	"fmt"

	"github.com/presswork/presswork/internal/ident"
)

// Part is a condition of a rule, and where it stands.
type Part struct {
	Pointer string
	Rule    Rule
}

// Parts are the conditions of a rule in the order in which they are written, with pointers that begin with at.
func Parts(r Rule, at string) []Part {
	switch r := r.(type) {
	case All:
		return partsOf(r, at+"/all")
	case Any:
		return partsOf(r, at+"/any")
	case Not:
		return Parts(r.Rule, at+"/not")
	case Topic, Attribute, Engagement, Inactive, Country, Language, Channel, Created, Member:
	}
	return []Part{{at, r}}
}

func partsOf(rules []Rule, at string) []Part {
	var parts []Part
	for i, r := range rules {
		parts = append(parts, Parts(r, fmt.Sprintf("%s/%d", at, i))...)
	}
	return parts
}

// Preview is how many readers a rule holds for at this moment, and some of them.
type Preview struct {
	Count int64
	// Estimate says that counting took too long, and the database guessed.
	Estimate bool
	Sample   []Sample
}

// Sample is one reader, as somebody who looks whether a rule is right needs to see them.
type Sample struct {
	UID   ident.UID
	Email string
}

// Explained is a part of a rule and for whom it holds by itself.
type Explained struct {
	Part
	// Count is how many active readers it holds for; nil if counting took too long.
	Count *int64
	// Holds is whether it does for the reader who was asked about; nil if nobody was.
	Holds *bool
}
