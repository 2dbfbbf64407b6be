package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
)

// One rule for everything that can be edited: it has a version, which grows with every change, and whose number is its ETag.
//
//   - GET and whatever changes it answer with the ETag.
//   - PUT replaces all of it, so that what somebody else wrote meanwhile would be lost: it needs If-Match, else 428. "*" says
//     that any version will do.
//   - What else changes it (DELETE, pause, rotate, …) obeys If-Match where it is given. A version that it does not name: 412.
//   - GET with If-None-Match is answered 304 as long as the version is that one (shown).

func setETag(c *gin.Context, version int) {
	if version > 0 {
		c.Header("ETag", etag(version))
	}
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// needMatch refuses a request without If-Match (RFC 6585, 3).
func needMatch(c *gin.Context) error {
	if len(c.Request.Header.Values("If-Match")) == 0 {
		return fault.New(fault.Conflict, codeNoPrecondition, "Say which version is meant: If-Match with the ETag that GET answered.")
	}
	return nil
}

// ifMatch is nil if the request has no If-Match header or one that names the present version (RFC 9110,
// 13.1.1); otherwise somebody else was faster: 412. One that names none is of no version.
func ifMatch(c *gin.Context, version int) error {
	if given := c.Request.Header.Values("If-Match"); len(given) > 0 && !namesTag(strings.Join(given, ","), etag(version)) {
		return versionMismatch(version)
	}
	return nil
}

// matching is ifMatch as stores ask it.
func matching(c *gin.Context) func(version int) error {
	return func(version int) error { return ifMatch(c, version) }
}

func versionMismatch(present int) error {
	return fault.New(fault.Conflict, codeVersionMismatch, "It was changed meanwhile: the present version is "+strconv.Itoa(present)+".")
}

// namesTag reports whether a list of entity tags has this one, or is "*".
func namesTag(list, tag string) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == tag {
			return true
		}
	}
	return false
}

// shown answers a GET of one resource: 200, or 304 to who has this version. It is for resources of which nothing changes
// without their version. The caller may keep the answer, and has to ask each time whether it still holds.
func shown(c *gin.Context, version int, body any) error {
	c.Header("Cache-Control", "private, no-cache")
	return shownOnce(c, version, body)
}

// shownOnce is shown for what names a reader: nothing on the way, and no browser, keeps it.
func shownOnce(c *gin.Context, version int, body any) error {
	setETag(c, version)
	if !kept(c, etag(version)) {
		c.PureJSON(http.StatusOK, body)
	}
	return nil
}

// shownWhole is shownOnce for what has no versions, and is not edited: its ETag is a hash of the answer.
func shownWhole(c *gin.Context, body any) error {
	text, err := plainJSON(body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Header("ETag", tag)
	if !kept(c, tag) {
		c.Data(http.StatusOK, "application/json; charset=utf-8", text)
	}
	return nil
}

// kept answers 304 to who has this entity tag, and reports whether it did. The comparison is weak (RFC 9110, 13.1.2): who
// compresses on the way may have weakened the tag.
func kept(c *gin.Context, tag string) bool {
	given := c.GetHeader("If-None-Match")
	if given == "" || !namesTag(strings.ReplaceAll(given, "W/", ""), tag) {
		return false
	}
	c.Status(http.StatusNotModified)
	c.Writer.WriteHeaderNow()
	return true
}

// plainJSON is a body as it is answered: HTML in it is not escaped.
func plainJSON(body any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, fmt.Errorf("write an answer: %w", err)
	}
	return text.Bytes(), nil
}
