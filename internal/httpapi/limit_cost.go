package httpapi

import (
	"strings"

	"github.com/gin-gonic/gin"
)

// How many items of a bulk call cost one unit: some rows, or a publication with all that is looked up for it.
const (
	subscribersPerUnit  = 25
	publicationsPerUnit = 2
)

// costDryRun is what a dry run costs at the least: it looks at every subscriber.
const costDryRun = 5

// charge takes units beyond those of the route, of a request whose body says how much work it is.
func (l Limits) charge(c *gin.Context, units int) error {
	if units <= 0 {
		return nil
	}
	if v, ok := l.spend(c, units); !ok {
		return errLimited(v)
	}
	return nil
}

// unitsOf is what a request costs by its route and query.
func unitsOf(c *gin.Context) int {
	units := costOf(c.Request.Method, c.FullPath())
	if c.Request.URL.RawQuery != "" && c.Query("dry_run") == "true" {
		return max(units, costDryRun)
	}
	return units
}

// costOf is how many units a request of a route costs: one, and more where a request does the work of many. The numbers
// are what the work takes beside that of a request for one resource, roughly, so that a limit is one of work.
func costOf(method, route string) int {
	route, below := strings.CutPrefix(route, "/api/v1")
	if !below {
		return 1
	}
	switch method + " " + route {
	case "POST /subscribers/import", "GET /subscribers/export", "GET /subscribers/:id/data", "POST /subscribers/data", "POST /suppressions/import", "GET /suppressions/export":
		return 20
	case "POST /channels", "PUT /channels/:id", "POST /channels/:id/enable", "POST /channels/:id/verify", "POST /senders/:id/verify", // which may call a provider
		"POST /segments/preview", "POST /segments/explain", "POST /segments/:id/preview", "POST /segments/:id/explain", "POST /segments/:id/snapshots", "GET /segment-snapshots/:id/changes", // which look at every subscriber
		"POST /subscribers/erase", "POST /subscribers/:id/erase", // which have tables searched
		"POST /assets", "POST /dead-letters/replays", "DELETE /dead-letters", "POST /uncertain/decide",
		"POST /webhook-endpoints", "PUT /webhook-endpoints/:id", "POST /webhook-endpoints/:id/enable", "POST /webhook-endpoints/:id/verify",
		"POST /webhook-endpoints/:id/recover":
		return 5
	case "GET /publications/:id/analytics", "GET /publications/:id/deferred", "GET /uncertain/counts", "GET /dead-letters/groups":
		return 2
	default:
		return 1
	}
}
