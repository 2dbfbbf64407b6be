package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/ident"
)

// pathID is the UID in the path. What is not one names nothing: NotFound.
func pathID(c *gin.Context) (ident.UID, error) {
	uid, err := ident.Parse(c.Param("id"))
	if err != nil || uid.IsZero() {
		return uid, fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
	}
	return uid, nil
}

// created answers 201 with the new resource below the path of its list. version is its ETag; 0: none.
func created(c *gin.Context, uid ident.UID, version int, body any) error {
	c.Header("Location", strings.TrimSuffix(c.Request.URL.Path, "/")+"/"+uid.String())
	setETag(c, version)
	c.PureJSON(http.StatusCreated, body)
	return nil
}

// found answers 200 with a resource.
func found(c *gin.Context, version int, body any) error {
	setETag(c, version)
	c.PureJSON(http.StatusOK, body)
	return nil
}

// gone answers 204 after a deletion.
func gone(c *gin.Context) error {
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// utc is a time as it is shown; nil stays nil.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// optionalID is an id as it is shown; the zero one is null.
func optionalID(uid ident.UID) *ident.UID {
	if uid.IsZero() {
		return nil
	}
	return &uid
}

// orZero is what a pointer points to; the zero value, which is left out of answers, for nil.
func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// showEach shows the elements of a list; nil stays nil.
func showEach[R, T any](list []R, show func(R) T) []T {
	if list == nil {
		return nil
	}
	shown := make([]T, 0, len(list))
	for _, r := range list {
		shown = append(shown, show(r))
	}
	return shown
}

// sortedKeys is never nil: it is shown as a list.
func sortedKeys[V any](m map[string]V) []string {
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	return keys
}

// invalid is an Invalid error with one field.
func invalid(pointer, code, detail string) error {
	var f fault.Fields
	f.Add(pointer, code, "%s", detail)
	return f.Err()
}

// namedID is the id that a body names at a pointer, zero for an empty text; Invalid for what is none.
func namedID(pointer, text string) (ident.UID, error) {
	if text == "" {
		return ident.UID{}, nil
	}
	uid, err := ident.Parse(text)
	if err != nil || uid.IsZero() {
		var f fault.Fields
		f.Add(pointer, "format", "must be a UUID")
		return ident.UID{}, f.Err()
	}
	return uid, nil
}

// joined is the problems of both errors.
func joined(first, second error) error {
	var f fault.Fields
	f.Join(first)
	f.Join(second)
	return f.Err()
}
