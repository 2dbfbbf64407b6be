package chain

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Mark is a block's number and hash, as they are noted elsewhere: the end of a chain that is cut off leaves no trace in
// the database itself.
type Mark struct {
	N    int64
	Hash Hash
}

// String is "n:hash".
func (m Mark) String() string { return strconv.FormatInt(m.N, 10) + ":" + m.Hash.String() }

// ParseMark reads what String wrote.
func ParseMark(text string) (Mark, error) {
	number, sum, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	raw, hexErr := hex.DecodeString(sum)
	if err != nil || hexErr != nil || n < 1 || len(raw) != len(Hash{}) {
		return Mark{}, errors.New("a block is noted as its number, a colon and 64 hexadecimal digits")
	}
	return Mark{n, Hash(raw)}, nil
}
