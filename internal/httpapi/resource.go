package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
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

func setETag(c *gin.Context, version int) {
	if version > 0 {
		c.Header("ETag", etag(version))
	}
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// ifMatch is nil if the request has no If-Match header or one that names the present version (RFC 9110,
// 13.1.1); otherwise somebody else was faster: 412.
func ifMatch(c *gin.Context, version int) error {
	header := c.GetHeader("If-Match")
	if header == "" || strings.TrimSpace(header) == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return nil
		}
	}
	return versionMismatch(version)
}

func versionMismatch(present int) error {
	return fault.New(fault.Conflict, codeVersionMismatch, "It was changed meanwhile: the present version is "+strconv.Itoa(present)+".")
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
