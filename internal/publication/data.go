package publication

import (
	"encoding/json"
	"strings"

	"github.com/presswork/presswork/internal/fault"
)

// parseData checks that the free object can be stored, and encodes it; without one it is empty.
func parseData(f *fault.Fields, data map[string]any) (checked map[string]any, encoded string) {
	if len(data) == 0 {
		return map[string]any{}, "{}"
	}
	text, err := json.Marshal(data)
	switch {
	case err != nil:
		f.Add("/data", "format", "must be JSON")
	case len(text) > MaxData:
		f.Add("/data", "too_long", "must have at most %d bytes as JSON", MaxData)
	case hasNUL(data):
		f.Add("/data", "format", "must not contain the character U+0000")
	}
	return data, string(text)
}

// hasNUL finds the one character that PostgreSQL cannot store in jsonb.
func hasNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		for _, e := range v {
			if hasNUL(e) {
				return true
			}
		}
	case map[string]any:
		for k, e := range v {
			if hasNUL(k) || hasNUL(e) {
				return true
			}
		}
	}
	return false
}
