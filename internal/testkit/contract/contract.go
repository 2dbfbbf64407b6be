// Package contract holds what the API answers in tests against its description (internal/httpapi/openapi). Clients of tests
// hand in every exchange; a deviation fails the test. An exchange takes some tens of microseconds.
package contract

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Exchange is a request and its answer, both read whole.
type Exchange struct {
	Method string
	// URI is the path with its query.
	URI string
	// Request and Header are the headers of the request and of the answer.
	Request, Header http.Header
	Sent, Body      []byte
	Status          int
}

// Verify fails the test if an exchange is not as described.
func Verify(t testing.TB, e Exchange) {
	t.Helper()
	if err := Check(e); err != nil {
		t.Errorf("%s %s is not as described (internal/httpapi/openapi/source): %v", e.Method, e.URI, err)
	}
}

// Check says what of an exchange is not as described. What is asked of a path that is not described is not looked at, and of
// a request only what was accepted: what the server takes, the description has to allow.
func Check(e Exchange) error {
	d, err := loaded()
	if err != nil {
		return err
	}
	u, err := url.ParseRequestURI(e.URI)
	if err != nil {
		return nil //nolint:nilerr // whatever it is, the description has nothing like it
	}
	o, known := d.find(e.Method, u.EscapedPath())
	switch {
	case e.Method == http.MethodOptions:
		return nil // of CORS, which is the browser's
	case o == nil && known && e.Status != http.StatusMethodNotAllowed:
		return fmt.Errorf("%d for a method that is not described", e.Status)
	case o == nil:
		return nil
	}
	c := checker{d: d, o: o, e: e}
	c.answer()
	if e.Status >= 200 && e.Status <= 299 {
		c.query(u.Query())
		c.body()
	}
	return errors.Join(c.wrong...)
}

// checker collects what is wrong with an exchange.
type checker struct {
	d     *document
	o     *operation
	e     Exchange
	wrong []error
}

func (c *checker) note(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

func (c *checker) answer() {
	responses, _ := c.o.node["responses"].(node)
	status := strconv.Itoa(c.e.Status)
	described, ok := responses[status]
	if !ok {
		c.note("the status %s is not described: %.300s", status, c.e.Body)
		return
	}
	response, pointer := c.d.resolve(described, c.o.pointer+"/responses/"+status)
	c.headers(response, pointer)
	content, _ := response["content"].(node)
	if c.e.Method == http.MethodHead {
		return
	}
	c.content("the answer", content, pointer, c.e.Header, c.e.Body)
}

// told are headers that mean something to a client: they are described where they are sent.
func told() []string {
	return []string{"Etag", "Location", "Retry-After", "Www-Authenticate", "Content-Disposition", "Content-Range", "Idempotent-Replay",
		"Ratelimit", "Ratelimit-Policy"}
}

func (c *checker) headers(response node, pointer string) {
	described, _ := response["headers"].(node)
	canonical := map[string]bool{}
	for name, value := range described {
		canonical[http.CanonicalHeaderKey(name)] = true
		header, at := c.d.resolve(value, pointer+"/headers/"+name)
		values := c.e.Header.Values(name)
		if required, _ := header["required"].(bool); required && len(values) == 0 {
			c.note("%d has no header %s", c.e.Status, name)
		}
		for _, value := range values {
			if err := c.d.fits(at+"/schema", value); err != nil {
				c.note("the header %s is %q: %w", name, value, err)
			}
		}
	}
	for _, name := range told() {
		if c.e.Header.Get(name) != "" && !canonical[name] {
			c.note("%d has the header %s, which is not described", c.e.Status, name)
		}
	}
}

// content holds a body against what may be there.
func (c *checker) content(what string, content node, pointer string, header http.Header, body []byte) {
	given, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if len(content) == 0 {
		if len(body) > 0 {
			c.note("%s has a body that is not described: %.200s", what, body)
		}
		return
	}
	media := given
	if content[media] == nil {
		media = "*/*"
	}
	if content[media] == nil {
		c.note("%s is %q, which is not described", what, given)
		return
	}
	if given == "application/json" || given == "application/problem+json" {
		if err := c.d.fitsJSON(pointer+"/content/"+escape(media)+"/schema", body); err != nil {
			c.note("%s %.600s: %w", what, body, err)
		}
	}
}

// query holds the parameters of a request that was accepted against the description.
func (c *checker) query(query url.Values) {
	for name, values := range query {
		i := slices.IndexFunc(c.o.parameters, func(p parameter) bool { return p.node["in"] == "query" && p.node["name"] == name })
		if i < 0 {
			c.note("the parameter %s was accepted and is not described", name)
			continue
		}
		if err := c.parameter(c.o.parameters[i], values[0]); err != nil {
			c.note("the parameter %s was accepted: %w", name, err)
		}
	}
}

func (c *checker) parameter(p parameter, text string) error {
	var value any = text
	if schema, _ := p.node["schema"].(node); schema["type"] == "integer" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			value = n
		}
	}
	return c.d.fits(p.pointer+"/schema", value)
}

// body holds the body of a request that was accepted against the description.
func (c *checker) body() {
	described, there := c.o.node["requestBody"]
	if !there {
		return // whatever is sent is not read
	}
	request, pointer := c.d.resolve(described, c.o.pointer+"/requestBody")
	content, _ := request["content"].(node)
	if required, _ := request["required"].(bool); !required && len(c.e.Sent) == 0 {
		return
	}
	if c.e.Sent == nil && strings.HasPrefix(c.e.Request.Get("Content-Type"), "application/json") {
		return // the client streamed it
	}
	c.content("the request, which was accepted,", content, pointer, c.e.Request, c.e.Sent)
}
