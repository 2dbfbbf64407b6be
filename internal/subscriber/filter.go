package subscriber

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/presswork/presswork/internal/fault"
)

// MaxSearch is the length of a search in characters, and how many words and attributes one may have.
const (
	MaxSearch      = 200
	MaxSearchWords = 8
)

// Filter narrows a list of subscribers. The zero value lets all through.
type Filter struct {
	// EmailPrefix is the beginning of an address, in lower case.
	EmailPrefix string
	// Search is the beginning of an address, or of each of some words of a name in any order; case and accents make no
	// difference.
	Search string
	// Topic is a slug.
	Topic  string
	Status Status
	// Country and Language are in canonical form.
	Country, Language string
	// From and Until bound when they were made: at or after From, before Until.
	From, Until *time.Time
	// Attributes are those that they have, of the same type: the number 4 is not the text "4".
	Attributes map[string]any
}

// Order is that of a list of subscribers. Each goes along an index, so that no page takes longer for those before it.
type Order uint8

// The orders. ByTime is ByID but for those who were made at the same time.
const (
	ByID Order = iota
	ByAddress
	ByTime
)

// Order is that in which those who pass the filter are listed: by address if their addresses begin alike, else as they were made.
func (f Filter) Order() Order {
	switch {
	case f.EmailPrefix != "":
		return ByAddress
	case f.From != nil || f.Until != nil:
		return ByTime
	default:
		return ByID
	}
}

// Position is where a list goes on: after somebody. Which of it counts is the order's. The zero value is the beginning.
type Position struct {
	ID    int64
	Email string
	At    time.Time
}

// PositionOf is the position after s.
func PositionOf(s Subscriber) Position { return Position{ID: s.ID, Email: s.Email, At: s.CreatedAt} }

// Bytes is the position as ReadPosition reads it.
func (p Position) Bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.ID))          //nolint:gosec // read back as it is
	b = binary.BigEndian.AppendUint64(b, uint64(p.At.UnixMicro())) // the database counts microseconds
	return append(b, p.Email...)
}

// ReadPosition reads what Bytes wrote.
func ReadPosition(b []byte) (Position, error) {
	if len(b) < 16 {
		return Position{}, errors.New("a position has at least 16 bytes")
	}
	id, at := int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])) //nolint:gosec // as Bytes wrote it
	return Position{ID: id, At: time.UnixMicro(at).UTC(), Email: string(b[16:])}, nil
}

// SearchWords are the words of a search as names are searched for them. Some letters stand for several words, or for a mark alone,
// which is none: so they are taken apart first, as the store takes names apart.
func (f Filter) SearchWords() []string {
	words := strings.FieldsFunc(norm.NFKD.String(f.Search), func(r rune) bool { return !inWord(r) && !unicode.IsMark(r) })
	words = slices.DeleteFunc(words, func(word string) bool { return !strings.ContainsFunc(word, inWord) })
	words = words[:min(len(words), MaxSearchWords)]
	for i, word := range words {
		words[i] = norm.NFKC.String(word)
	}
	return words
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// SearchAttributes reads attributes to search for: a JSON object of up to 8 of them, {"plan": "pro", "seats": 4}. It returns
// Invalid.
func SearchAttributes(text string) (map[string]any, error) {
	var given map[string]any
	var f fault.Fields
	if err := json.Unmarshal([]byte(text), &given); err != nil || len(given) == 0 || len(given) > MaxSearchWords {
		f.Add("/attributes", "format", "must be a JSON object with 1 to %d attributes", MaxSearchWords)
		return nil, f.Err()
	}
	return attributes(&f, given), f.Err()
}
