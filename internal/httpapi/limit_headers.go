package httpapi

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/allowance"
	"github.com/presswork/presswork/internal/fault"
)

// codeRateLimited is the problem of a client that asked too much.
const codeRateLimited = "rate_limited"

// showLimits tells a client what it may ask (draft-ietf-httpapi-ratelimit-headers-11): every policy that counted, and of
// the strictest how many units are left, and how long it takes until there are all again. Of a refusal the time is that of
// Retry-After, as the draft's section 6 wants.
func showLimits(c *gin.Context, v allowance.Verdict, policies ...allowance.Policy) {
	var list strings.Builder
	for i, p := range policies {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString(`"` + p.Name + `";q=` + strconv.Itoa(p.Units) + `;w=` + strconv.Itoa(wholeSeconds(p.Window)))
	}
	t := v.Reset
	if !v.Allowed {
		t = v.RetryAfter
	}
	c.Header("RateLimit-Policy", list.String())
	c.Header("RateLimit", `"`+v.Policy.Name+`";r=`+strconv.Itoa(v.Remaining)+`;t=`+strconv.Itoa(wholeSeconds(t)))
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// refuse ends the chain with 429.
func refuse(c *gin.Context, v allowance.Verdict, policies ...allowance.Policy) {
	showLimits(c, v, policies...)
	c.Writer.Header().Del("WWW-Authenticate") // of the 401 that this takes the place of
	abort(c, errLimited(v))
}

func errLimited(v allowance.Verdict) error {
	return &fault.Error{Kind: fault.Wait, Code: codeRateLimited, After: v.RetryAfter,
		Detail: "The limit \"" + v.Policy.Name + "\" is used up: " + strconv.Itoa(v.Policy.Units) + " in " + v.Policy.Window.String() + "."}
}
