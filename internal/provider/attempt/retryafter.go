package attempt

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// maxWait bounds what a provider may ask for: a day, then it is worth a look.
const maxWait = 24 * time.Hour

// RetryAfter reads the header Retry-After (RFC 9110, 10.2.3): seconds, also with a fraction as Discord
// writes them, or an HTTP date. The result is between 0 and a day; false means that there is no header
// that can be read.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return Seconds(seconds), !math.IsNaN(seconds)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxWait), true
}

// Seconds is a provider's number of seconds as a wait between 0 and a day.
func Seconds(s float64) time.Duration {
	switch {
	case !(s > 0):
		return 0
	case s > maxWait.Seconds():
		return maxWait
	}
	return time.Duration(math.Ceil(s * float64(time.Second)))
}
