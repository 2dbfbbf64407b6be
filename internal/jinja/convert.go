package jinja

import (
	"fmt"
	"math"
	"time"

	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"

	"github.com/presswork/presswork/internal/template"
)

// convert turns data into the engine's form without reflection. nil is undefined: an attribute that
// is null reads as one that is not there. A type that template.Engine does not name stands as its text.
func convert(v any) value.Value {
	switch v := v.(type) {
	case value.Value:
		return v
	case nil:
		return value.Undefined()
	case string:
		return value.FromString(v)
	case template.SafeHTML:
		return value.FromSafeString(string(v))
	case bool:
		return value.FromBool(v)
	case int:
		return value.FromInt(int64(v))
	case int64:
		return value.FromInt(v)
	case float64:
		return convertFloat(v)
	case time.Time:
		return value.FromString(v.Format(time.RFC3339))
	case []string:
		return convertList(v)
	case []any:
		return convertList(v)
	case []map[string]any:
		return convertList(v)
	case map[string]any:
		return value.FromMap(convertMap(v))
	case map[string]string:
		return value.FromMap(convertMap(v))
	}
	return value.FromString(fmt.Sprint(v))
}

// convertFloat makes an integer of a whole number: JSON, from which the data come, does not tell 7 from 7.0, and
// a template that says {{ data.issue }} wants "7". Beyond 2^53 a float64 has no exact integers.
func convertFloat(v float64) value.Value {
	if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
		return value.FromInt(int64(v))
	}
	return value.FromFloat(v)
}

func convertList[T any](list []T) value.Value {
	out := make([]value.Value, len(list))
	for i, v := range list {
		out[i] = convert(v)
	}
	return value.FromSlice(out)
}

func convertMap[T any](m map[string]T) map[string]value.Value {
	out := make(map[string]value.Value, len(m))
	for name, v := range m {
		out[name] = convert(v)
	}
	return out
}
