package attack

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/presswork/presswork/internal/app"
	"github.com/presswork/presswork/internal/config"
)

// breaker is thrown at every field in every run, since of the statements of the corpus each run throws but a share: a statement that
// any text is pasted into ends within this one, and fails.
const breaker = `it's "so\` + "`" + `--$$;`

// few is how many inputs of a kind a field gets, unless the flag whole is given.
const few = 1

// TestEveryField throws the corpus at everything that a client may write: every parameter of the path, the query and the header,
// every field of every body, in every operation of the description. Whatever comes: the answer is a described one and no 5xx, what
// is stored comes back as it was sent, no header appears, nothing runs.
func TestEveryField(t *testing.T) {
	t.Parallel()
	operations := loadDocument(t).operations()
	h := open(t, func(*config.Config) {}, app.API)
	s := siege{world: newWorld(h, operations), corpus: loadCorpus(t)}
	for _, phase := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		var group errgroup.Group
		group.SetLimit(4)
		for i, o := range operations {
			if o.method == phase {
				group.Go(func() error { s.operation(t, o, i); return nil })
			}
		}
		_ = group.Wait() // nothing returns an error
	}
	h.wantNothingRan()
	t.Logf("%d operations, %d fields, %d inputs; answers: %d of 2xx, %d of 3xx, %d of 4xx; stored and read again: %d",
		s.operations.Load(), s.fields.Load(), s.inputs.Load(), s.status[2].Load(), s.status[3].Load(), s.status[4].Load(), s.stored.Load())
	if s.operations.Load() != int64(len(operations)) || len(operations) < 100 {
		t.Errorf("%d of %d operations were tried", s.operations.Load(), len(operations))
	}
	if s.fields.Load() < 600 || s.inputs.Load() < 3000 || s.stored.Load() < 80 || s.status[2].Load() < 400 {
		t.Error("the walk did not find its way")
	}
}

// siege counts what is tried.
type siege struct {
	*world
	corpus corpus

	operations, fields, inputs, stored atomic.Int64
	status                             [6]atomic.Int64
}

// assault is the siege of one operation.
type assault struct {
	*siege
	t    *testing.T
	o    operation
	wire *wire
	n    int               // of the field
	real map[string]string // parameters of what the operation is about
}

func (s *siege) operation(t *testing.T, o operation, number int) {
	a := &assault{siege: s, t: t, o: o, n: number * 31, wire: &wire{host: s.host()}, real: map[string]string{}}
	defer func() { _ = a.wire.close() }()
	s.operations.Add(1)
	if id := s.fresh(o); id != "" {
		a.real["id"] = id
	}
	for _, p := range o.params {
		a.param(p)
	}
	a.headers()
	for _, b := range o.bodies {
		a.body(b)
	}
}

// next counts a field. Its number is the same in every run, and so are its inputs.
func (a *assault) next() int {
	a.fields.Add(1)
	a.n++
	return a.n
}

// kinds are those that the nth field gets: all, or every other one.
func kinds(c corpus, n int) []string {
	all := c.texts()
	if *whole {
		return all
	}
	var some []string
	for i, kind := range all {
		if (i+n)%2 == 0 {
			some = append(some, kind)
		}
	}
	return some
}

// param tries every kind in a parameter.
func (a *assault) param(p param) {
	n := a.next()
	a.give(p, breaker)
	for _, kind := range kinds(a.corpus, n) {
		for _, text := range a.corpus.share(kind, n, few) {
			r, got, ok := a.give(p, text)
			if ok && kind == "sql" && p.in == "query" && !p.chosen && strings.Contains(got.body, `"items":[{`) && !strings.Contains(got.body, `"`+text+`"`) {
				a.t.Errorf("%s %s found something", r.method, r.uri)
			}
		}
	}
}

// give tries a text in a parameter.
func (a *assault) give(p param, text string) (request, reply, bool) {
	r := a.base()
	switch p.in {
	case "header":
		r.header = append([]string{p.name + ": " + text}, without(r.header, p.name)...)
	case "path":
		r.uri = a.uri(a.o, map[string]string{p.name: escaped(text)})
	default:
		r.uri = a.uri(a.o, a.and(p.name, escaped(text)))
	}
	got, ok := a.try(r)
	return r, got, ok
}

// and is what is real, with one more value.
func (a *assault) and(name, text string) map[string]string {
	given := map[string]string{name: text}
	for name, text := range a.real {
		if given[name] == "" {
			given[name] = text
		}
	}
	return given
}

func without(header []string, name string) []string {
	var out []string
	for _, line := range header {
		if !strings.HasPrefix(line, name+":") {
			out = append(out, line)
		}
	}
	return out
}

// standing are headers that are read somewhere, or might be, whatever the operation.
var standing = []string{"X-Correlation-ID", "Traceparent", "Tracestate", "Accept", "Accept-Language", "Accept-Encoding", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Proto", "Forwarded", "Origin", "Referer", "Content-Type", "User-Agent", "Cookie", "Authorization", "X-API-Key", "Idempotency-Key", "If-Match",
	"If-None-Match", "If-Modified-Since", "If-Range", "Range", "X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "Sec-Fetch-Site",
	"Last-Event-ID", "Access-Control-Request-Method", "Prefer", "TE"}

// headers tries some of the standing headers, others than the operation before.
func (a *assault) headers() {
	for i := range 3 {
		n := a.next()
		name := standing[(n+i*7)%len(standing)]
		for _, kind := range []string{"header", "text", "shell", "sql"} {
			for _, text := range a.corpus.share(kind, n, 1) {
				r := a.base()
				r.header = append(r.header, name+": "+text)
				a.try(r)
			}
		}
	}
}

// base is a request of the operation that is in order, as far as its examples are.
func (a *assault) base() request {
	r := request{method: a.o.method, uri: a.uri(a.o, a.real), header: []string{`If-Match: *`}}
	if len(a.o.bodies) > 0 {
		b := a.o.bodies[0]
		r.kind = b.media
		if b.media == "*/*" {
			r.kind = "text/plain"
		}
		if len(b.examples) > 0 {
			r.body = a.fill(a.unlike(b.media, b.examples[0]))
		}
	}
	return r
}

// body tries every kind in every field, as a value and as a name, and whole bodies.
func (a *assault) body(b body) {
	for _, f := range b.fields {
		template := a.fill(b.with(f, false))
		n := a.next()
		if f.text {
			a.texts(template, f, n)
		}
		for _, value := range a.corpus.share("value", n, few) {
			a.send(b, strings.Replace(template, `"`+slot+`"`, value, 1))
		}
		if f.way[len(f.way)-1] == "*" {
			template := a.fill(b.with(f, true))
			for _, text := range a.corpus.share("text", n, few) {
				a.send(b, strings.Replace(template, `"`+nameSlot+`"`, quoted(text), 1))
			}
		}
	}
	n := a.next()
	for _, whole := range a.corpus.share("document", n, 3*few) {
		a.send(b, whole)
	}
	if b.media != "application/json" {
		for _, kind := range a.corpus.texts() {
			for _, text := range a.corpus.share(kind, n, few) {
				a.send(b, text)
			}
		}
	}
}

// texts tries every kind in a field that takes a text, and looks for it in the answer.
func (a *assault) texts(template string, f field, n int) {
	inputs := []string{breaker}
	for _, kind := range kinds(a.corpus, n) {
		inputs = append(inputs, a.corpus.share(kind, n, few)...)
	}
	for _, text := range inputs {
		got, ok := a.send(a.o.bodies[0], strings.Replace(template, `"`+slot+`"`, quoted(text), 1))
		if ok && got.status < http.StatusMultipleChoices {
			a.kept(got, f, text)
		}
	}
}

func (a *assault) send(b body, text string) (reply, bool) {
	r := a.base()
	r.body = text
	if b.media != "*/*" {
		r.kind = b.media
	}
	return a.try(r)
}

// try sends a request, and looks at what every answer must be.
func (a *assault) try(r request) (reply, bool) {
	a.inputs.Add(1)
	broken := strings.ContainsAny(r.uri+strings.Join(r.header, ""), "\r\n\x00")
	got, err := a.wire.send(a.t.Context(), r)
	if broken {
		_ = a.wire.close() // what comes next on it is for the rest of the input
	}
	if err != nil {
		a.t.Errorf("%s %s %q %.200q: %v", r.method, r.uri, r.header, r.body, err)
		return got, false
	}
	a.status[got.status/100].Add(1)
	for _, wrong := range []error{plainly(got), described(r, got)} {
		if wrong != nil && !broken {
			a.t.Errorf("%s %s %q %.300q: %v", r.method, r.uri, r.header, r.body, wrong)
			return got, false
		}
	}
	if got.status >= http.StatusInternalServerError {
		a.t.Errorf("%s %s %q %.300q: %d %s", r.method, r.uri, r.header, r.body, got.status, got.body)
		return got, false
	}
	return got, true
}

// plainly is what is wrong with any answer: a header that came from outside, HTML with something live in it, or nothing that
// keeps a browser from guessing.
func plainly(got reply) error {
	if got.header.Get("Attacked") != "" || got.header.Get("Set-Cookie") != "" {
		return fmt.Errorf("headers %v", got.header)
	}
	if got.header.Get("X-Correlation-Id") != "" && got.header.Get("X-Content-Type-Options") != "nosniff" {
		return fmt.Errorf("a browser may guess what it is: %v", got.header)
	}
	if kind := got.header.Get("Content-Type"); strings.Contains(kind, "html") {
		if found := live(got.body); len(found) > 0 {
			return fmt.Errorf("HTML with %v", found)
		}
	}
	return nil
}
