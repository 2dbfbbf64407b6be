package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/auth"
	"github.com/presswork/presswork/internal/fault"
)

// Limiter holds clients to their allowances.
type Limiter interface {
	// Take takes cost units of every bucket, or none of any. It never fails and does not wait for a server that is away.
	Take(ctx context.Context, cost int, buckets ...allowance.Bucket) allowance.Verdict
	// Empty reports whether a request is known to be refused, and takes nothing.
	Empty(b allowance.Bucket) (allowance.Verdict, bool)
	// Spare makes Empty say no for a while.
	Spare(b allowance.Bucket)
}

// Limits is what each client may ask. A number of 0 is no limit.
type Limits struct {
	// Limiter counts; nil: there are no limits.
	Limiter Limiter
	// Proxies are those whose word about a client's address is taken.
	Proxies []netip.Prefix
	// Address is requests a minute of one client address, on the API and on what there is beside it.
	Address int
	// Principal is units an hour of one principal, unless it has a number of its own.
	Principal int
	// SignIn is requests a minute of one address on routes that give out tokens and links to sign in by.
	SignIn int
	// Tracking, Pages, OneClick and Hooks are requests a minute of one address, for opens and clicks, for the public
	// pages, for what they post, and for what providers report.
	Tracking, Pages, OneClick, Hooks int

	// busy answers readers whose address has used up its allowance; nil: they get a problem like everybody.
	busy func(w http.ResponseWriter, r *http.Request)

	// admin knows the admin key and nothing else, so that it is told without a look-up.
	admin *auth.Gate
}

// Classes of routes, each with buckets of its own.
const (
	classAddress  = "address"
	classSignIn   = "sign-in"
	classTracking = "tracking"
	classPages    = "pages"
	classOneClick = "one-click"
	classHooks    = "hooks"
	// classPrincipal is what a principal may ask, whatever its addresses.
	classPrincipal = "principal"
)

// policy is that of a class; false: there is no limit.
func (l Limits) policy(class string) (allowance.Policy, bool) {
	p := allowance.Policy{Name: class, Window: time.Minute}
	switch class {
	case classAddress:
		p.Units = l.Address
	case classSignIn:
		p.Units = l.SignIn
	case classTracking:
		p.Units = l.Tracking
	case classPages:
		p.Units = l.Pages
	case classOneClick:
		p.Units = l.OneClick
	case classHooks:
		p.Units = l.Hooks
	case classPrincipal:
		p.Units, p.Window = l.Principal, time.Hour
	}
	return p, p.Units > 0 && l.Limiter != nil
}

// bucketOf is the client's bucket of a class by its address; false: there is no limit.
func (l Limits) bucketOf(c *gin.Context, class string) (allowance.Bucket, bool) {
	p, limited := l.policy(class)
	if !limited {
		return allowance.Bucket{}, false
	}
	return allowance.Bucket{Policy: p, Key: networkOf(clientOf(c.Request.Context()))}, true
}

// classOf is the class of a route; "" has no limit, since probes must be answered. What is not found is counted by address
// as well.
func classOf(method, route string) string {
	switch {
	case route == "/healthz" || route == "/readyz":
		return ""
	case strings.HasPrefix(route, "/t/"):
		return classTracking
	case strings.HasPrefix(route, "/hooks/"):
		return classHooks
	case method == http.MethodPost && (route == "/p/subscribe" || route == "/p/preferences"):
		return classSignIn // each has a letter sent
	case strings.HasPrefix(route, "/p/") && method == http.MethodPost:
		return classOneClick // and what people's own forms post
	case strings.HasPrefix(route, "/p/"), strings.HasPrefix(route, "/problems"):
		return classPages
	default:
		return classAddress
	}
}

// pathOf is the route of a request; of the readers' pages, which are one route, their path.
func pathOf(c *gin.Context) string {
	if route := c.FullPath(); route != "/p/*path" {
		return route
	}
	return c.Request.URL.Path
}

// door stands before authentication. Routes with a bucket of their own are open to everybody, and this is all there is
// for them; their answers go to what reads no headers, so that only refusals have them.
//
// On the others it looks at nothing but what this process knows: addresses that used up their allowance are turned away
// before any look-up is made for them, but for who shows the admin key: nobody can lock that out. Who comes through without showing who they are has used a unit of the address all
// the same, and is told 429 instead of 401 when there is none left: guessing keys is limited like everything else.
func (l Limits) door(c *gin.Context) {
	class := classOf(c.Request.Method, pathOf(c))
	b, limited := l.bucketOf(c, class)
	if !limited {
		c.Next()
		return
	}
	ctx := c.Request.Context()
	if class != classAddress {
		if v := l.Limiter.Take(ctx, 1, b); !v.Allowed {
			l.turnAway(c, v, b.Policy)
			return
		}
		c.Next()
		return
	}
	if v, empty := l.Limiter.Empty(b); empty && !l.isAdmin(c) {
		refuse(c, v, b.Policy)
		return
	}
	c.Next()
	if last := c.Errors.Last(); last == nil || !fault.Is(last.Err, fault.Unauthenticated) {
		return
	}
	v := l.Limiter.Take(ctx, 1, b)
	showLimits(c, v, b.Policy)
	if !v.Allowed {
		refuse(c, v, b.Policy)
	}
}

// turnAway refuses who came without a key: with a page on the readers' own pages, which a person looks at.
func (l Limits) turnAway(c *gin.Context, v allowance.Verdict, p allowance.Policy) {
	if l.busy == nil || !strings.HasPrefix(c.FullPath(), "/p/") {
		refuse(c, v, p)
		return
	}
	showLimits(c, v, p)
	c.Header("Retry-After", strconv.Itoa(wholeSeconds(v.RetryAfter)))
	l.busy(c.Writer, c.Request)
	c.Abort()
}

func (l Limits) isAdmin(c *gin.Context) bool {
	text, ok := credentialOf(c.Request)
	if !ok || l.admin == nil {
		return false
	}
	_, err := l.admin.Authenticate(c.Request.Context(), text)
	return err == nil
}

// hold stands after authentication. It holds who has shown who they are to two numbers, by one call: their own, wherever
// they are, and their address's. A principal that was given a number of its own is held to that only: it is a backend,
// whose address sends all that it sends. So is the admin key, which has no number: it sets up everything else, and must
// not lock its owner out.
func (l Limits) hold(c *gin.Context) {
	if v, ok := l.spend(c, unitsOf(c)); !ok {
		abort(c, errLimited(v))
		return
	}
	c.Next()
}

// spend takes units of all buckets that a request counts in, and tells the caller what is left. It is false if they are not
// there.
func (l Limits) spend(c *gin.Context, units int) (allowance.Verdict, bool) {
	var room [2]allowance.Bucket
	buckets := l.bucketsOf(c, room[:0])
	if len(buckets) == 0 {
		return allowance.Verdict{}, true
	}
	v := l.Limiter.Take(c.Request.Context(), units, buckets...)
	policies := make([]allowance.Policy, len(buckets))
	for i, b := range buckets {
		policies[i] = b.Policy
	}
	showLimits(c, v, policies...)
	return v, v.Allowed
}

// bucketsOf adds the buckets that a request counts in to list.
func (l Limits) bucketsOf(c *gin.Context, list []allowance.Bucket) []allowance.Bucket {
	if l.Limiter == nil || classOf(c.Request.Method, c.FullPath()) != classAddress {
		return list
	}
	address, byAddress := l.bucketOf(c, classAddress)
	principal, known := auth.From(c.Request.Context())
	own, byPrincipal := l.policy(classPrincipal)
	if known && (principal.RatePerHour > 0 || principal.ID == auth.AdminID) {
		if byAddress {
			l.Limiter.Spare(address)
		}
		byAddress = false
		byPrincipal = principal.ID != auth.AdminID
		own = allowance.Policy{Name: classPrincipal, Units: principal.RatePerHour, Window: time.Hour}
	}
	if byAddress {
		list = append(list, address)
	}
	if known && byPrincipal {
		list = append(list, allowance.Bucket{Policy: own, Key: principal.ID})
	}
	return list
}
