package httpapi

import (
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
)

// access is who may use a route: everybody, or who has a permission.
type access struct {
	public bool
	needs  auth.Permission
}

// route is a registered route: its method and its path with parameters, as Gin's FullPath has it.
type route struct{ method, path string }

type accessTable map[route]access

// anyMethod stands in the table for every method of a path.
const anyMethod = "*"

// newAccessTable reads the lines of accessRules.
func newAccessTable() accessTable {
	table := accessTable{}
	for line, a := range accessRules() {
		method, path, _ := strings.Cut(line, " ")
		table[route{method, path}] = a
	}
	return table
}

// of is who may use the request's route; false: there is no line for it.
func (t accessTable) of(c *gin.Context) (access, bool) {
	path := c.FullPath()
	if a, ok := t[route{c.Request.Method, path}]; ok {
		return a, true
	}
	a, ok := t[route{anyMethod, path}]
	return a, ok
}

// open reports whether nobody has to say who they are: what is public, and what is not there.
func (t accessTable) open(c *gin.Context) bool {
	a, _ := t.of(c)
	return a.public || c.FullPath() == ""
}

// authorize refuses who may not use a route, and everybody a route without a line: somebody forgot to decide.
func authorize(rules accessTable, log *zap.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		if rules.open(c) {
			c.Next()
			return
		}
		a, known := rules.of(c)
		if !known {
			log.Error("a route has no line in the table of access", zap.String("method", c.Request.Method), zap.String("route", c.FullPath()))
			abort(c, fault.New(fault.Forbidden, "forbidden", "Nobody may do this."))
			return
		}
		if p, _ := auth.From(c.Request.Context()); !p.Allows(a.needs) {
			c.Header("WWW-Authenticate", challenge+`, error="insufficient_scope", scope="`+a.needs.String()+`"`)
			abort(c, fault.New(fault.Forbidden, "forbidden", "This needs the permission "+a.needs.String()+"."))
			return
		}
		c.Next()
	}
}
