package attack

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// kept compares what was stored with what was sent: in the answer, and where that says it is.
func (a *assault) kept(got reply, f field, text string) {
	a.t.Helper()
	if strings.HasSuffix(a.o.path, "/bulk") {
		return // which answers with a report of its own
	}
	a.compare(got, f, text)
	where := got.header.Get("Location")
	if where == "" {
		return
	}
	r := request{method: http.MethodGet, uri: where}
	if again, ok := a.try(r); ok && again.status == http.StatusOK {
		a.compare(again, f, text)
	}
}

func (a *assault) compare(got reply, f field, text string) {
	a.t.Helper()
	var answer any
	if json.Unmarshal([]byte(got.body), &answer) != nil {
		return
	}
	back, ok := at(answer, f.way).(string)
	if !ok {
		return // not shown, as secrets are
	}
	a.stored.Add(1)
	if text == "" { // as if it were left out
		return
	}
	if canonical(back) != canonical(text) {
		a.t.Errorf("%s %s %v: %q came back as %q", a.o.method, a.o.path, f.way, text, back)
	}
}

// canonical is what all spellings of a text have in common that any field makes one of: spaces around it and within it, letters
// of either case, composed or not; of a time, the nanoseconds that it is kept with.
func canonical(text string) string {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UTC().String()
	}
	return strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(text))), " ")
}
