package webhook

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/presswork/presswork/internal/fault"
)

// Bounds of what an endpoint is.
const (
	maxURL         = 2048 // bytes
	maxDescription = 200  // characters
	maxEvents      = 100
)

// Rules are what endpoints are held to here.
type Rules struct {
	// Plain allows http. Events say who does what: outside of development, and of networks that the operator vouches for, they
	// go by https only.
	Plain bool
}

// Check is nil if an endpoint may be stored, or an Invalid error that names every field that is wrong. Whether its address is a
// public one is decided when it is called, each time.
func (r Rules) Check(e Endpoint) error {
	var f fault.Fields
	if problem := r.checkURL(e.URL); problem != "" {
		f.Add("/url", "url", "%s", problem)
	}
	if !utf8.ValidString(e.Description) || utf8.RuneCountInString(e.Description) > maxDescription || strings.ContainsFunc(e.Description, unicode.IsControl) {
		f.Add("/description", "format", "must be one line of at most %d characters", maxDescription)
	}
	checkEvents(&f, e.Events)
	if !e.Unreadable {
		if err := CheckSecret(e.Secrets.Current); err != nil {
			f.Add("/secret", "format", "%s", err)
		}
	}
	return f.Err()
}

// checkURL says what is wrong with an address, "" for nothing.
func (r Rules) checkURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(address, unicode.IsSpace):
		return "must be an absolute URL"
	case len(address) > maxURL:
		return "must have at most 2048 bytes"
	case u.Scheme != "https" && (u.Scheme != "http" || !r.Plain):
		return "must be an https URL"
	case u.User != nil:
		return "must be a URL without a user name and password: addresses are shown to whoever reads the endpoint"
	case u.Fragment != "" || strings.Contains(address, "#"):
		return "must be a URL without a fragment"
	}
	return ""
}

func checkEvents(f *fault.Fields, events []string) {
	if len(events) > maxEvents {
		f.Add("/events", "too_many", "must have at most %d items", maxEvents)
		return
	}
	known := Subscriptions()
	for i, one := range events {
		switch {
		case !slices.Contains(known, one):
			f.Add("/events/"+strconv.Itoa(i), "unknown_event", "must be one of those that GET /webhook-event-types lists, or all of a group as in publication.*")
		case slices.Index(events, one) < i:
			f.Add("/events/"+strconv.Itoa(i), "doubled", "is there twice")
		}
	}
}
