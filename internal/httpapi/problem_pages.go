package httpapi

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
	"github.com/presswork/presswork/internal/httpapi/wire"
)

//go:embed problem_page.html
var problemPage string

//go:embed problem_page.css
var problemStyle string

type problemPages struct {
	page   *template.Template
	policy string
	list   []wire.ProblemType
}

// registerProblems has a page for each type of problem, where the type's address leads, and one with all of them. They are
// open to everybody: HTML, or JSON for who prefers that.
func registerProblems(r gin.IRouter) {
	h := problemPages{policy: "default-src 'none'; style-src '" + hashOf(problemStyle) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	functions := template.FuncMap{"style": func() template.CSS { return template.CSS(problemStyle) }, "code": withCode} //nolint:gosec // our own file
	h.page = template.Must(template.New("").Funcs(functions).Parse(problemPage))
	for code, t := range problemTypes() {
		h.list = append(h.list, wire.ProblemType{
			Type: "/problems/" + code, Code: code, Title: http.StatusText(t.Status), Status: t.Status, Cause: t.Cause, Remedy: t.Remedy,
		})
	}
	slices.SortFunc(h.list, func(a, b wire.ProblemType) int { return strings.Compare(a.Code, b.Code) })
	r.GET("/problems", handle(h.index))
	r.GET("/problems/:code", handle(h.get))
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// withCode is a text in which what stands between backticks is code.
func withCode(text string) template.HTML {
	parts := strings.Split(template.HTMLEscapeString(text), "`")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "<code>" + parts[i] + "</code>"
	}
	return template.HTML(strings.Join(parts, "")) //nolint:gosec // escaped above
}

func (h problemPages) index(c *gin.Context) error {
	if prefersJSON(c) {
		c.PureJSON(http.StatusOK, wire.ProblemTypes{Items: h.list})
		return nil
	}
	return h.show(c, h.list)
}

func (h problemPages) get(c *gin.Context) error {
	i, known := slices.BinarySearchFunc(h.list, c.Param("code"), func(e wire.ProblemType, code string) int { return strings.Compare(e.Code, code) })
	switch {
	case !known:
		return fault.New(fault.NotFound, "not_found", "There is no such type of problem.")
	case prefersJSON(c):
		c.PureJSON(http.StatusOK, h.list[i])
		return nil
	default:
		return h.show(c, h.list[i:i+1])
	}
}

func (h problemPages) show(c *gin.Context, list []wire.ProblemType) error {
	var body bytes.Buffer
	if err := h.page.Execute(&body, list); err != nil {
		return fmt.Errorf("show a type of problem: %w", err)
	}
	c.Header("Content-Security-Policy", h.policy)
	c.Header("Vary", "Accept")
	c.Data(http.StatusOK, "text/html; charset=utf-8", body.Bytes())
	return nil
}

// prefersJSON reports whether the client names JSON and no HTML. Browsers name HTML first, and command lines nothing.
func prefersJSON(c *gin.Context) bool {
	accept := c.GetHeader("Accept")
	c.Header("Vary", "Accept")
	c.Header("Cache-Control", "public, max-age=3600")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}
