package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/presswork/presswork/internal/fault"
)

// Limits of bodies in bytes (REQUIREMENTS B10).
const (
	limitPublication = 1 << 20
	limitSubscriber  = 100 << 10
	limitCSV         = 10 << 20
	// limitText is for contents and templates: 50,000 characters, each escaped as 12 bytes, fit in.
	limitText  = 1 << 20
	limitOther = 256 << 10
	// limitBulk is 1 KB for each of a thousand subscribers, 10 KB for each of a hundred publications.
	limitBulk = 1 << 20
)

// maxDepth bounds how deep JSON may nest.
const maxDepth = 32

// decode reads a JSON body of at most limit bytes into a T. Errors are:
//
//   - Malformed: another content type (415), or text that is not one JSON value in UTF-8;
//   - TooLarge: more than limit bytes, known from Content-Length or met while reading;
//   - Invalid: well-formed JSON that does not fit T, with a pointer to every unknown, doubled or wrongly
//     typed field, and to what m says of the others. Of a T that fits m is not asked.
//
// Field names are matched exactly. Fields that are absent stay zero; null is taken for pointers, maps,
// slices and any only.
func decode[T any](c *gin.Context, limit int64, m meaning[T]) (T, error) {
	var v T
	if err := wantType(c.Request, "application/json"); err != nil {
		return v, err
	}
	body, err := readBody(c.Request, limit)
	if err != nil {
		return v, err
	}
	err = decodeJSON(body, &v, m)
	return v, err
}

// decodeJSON is decode without HTTP.
func decodeJSON[T any](body []byte, v *T, m meaning[T]) error {
	if !utf8.Valid(body) {
		return fault.New(fault.Malformed, "malformed_json", "The body is not UTF-8.")
	}
	var fields fault.Fields
	tree, err := parseTree(body, &fields)
	if err != nil {
		return err
	}
	if checkShape[T](&fields, tree); fields.Err() != nil {
		m.add(&fields, tree)
		return fields.Err()
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fault.New(fault.Malformed, "malformed_json", "The body does not fit.")
	}
	return nil
}

// readBody reads at most limit bytes, and answers TooLarge without reading if the length is announced.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := fault.New(fault.TooLarge, "too_large", fmt.Sprintf("The body may have at most %d bytes.", limit))
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case int64(len(body)) > limit:
		return nil, tooLarge
	}
	return body, nil
}

// unreadable says why a body could not be read.
func unreadable(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Error{Kind: fault.Malformed, Code: codeSlowBody, Detail: "The body did not come in in time.", Err: err}
	}
	return &fault.Error{Kind: fault.Malformed, Code: "unreadable_body", Detail: "The body could not be read.", Err: err}
}

// bodyOf is a body of at most limit bytes that is read as it comes. Its errors are those of readBody.
func bodyOf(r *http.Request, limit int64) io.Reader { return &body{r.Body, limit} }

type body struct {
	r    io.Reader
	left int64
}

// Read is io.Reader's.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.TooLarge, "too_large", "The body is too large.")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreadable(err)
	}
	return n, err
}

// wantType refuses other content types, character sets other than UTF-8, and encodings.
func wantType(r *http.Request, want string) error {
	refused := fault.New(fault.Malformed, codeMediaType, "The content type must be "+want+" in UTF-8, not compressed.")
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refused
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != want {
		return refused
	}
	if charset, given := params["charset"]; given && !bytes.EqualFold([]byte(charset), []byte("utf-8")) {
		return refused
	}
	return nil
}

// member is a name and value of a JSON object, in the order of the text.
type member struct {
	name  string
	value any
}

// object is a JSON object. An array is []any; a number json.Number.
type object []member

// parseTree reads one JSON value, so that it can be compared with a type. Doubled names are noted in
// fields; malformed text, trailing data and too deep nesting are errors.
func parseTree(body []byte, fields *fault.Fields) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	p := treeParser{d: d, fields: fields}
	tree, err := p.value("", 0)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more after the value")
		}
	}
	if err != nil {
		return nil, fault.New(fault.Malformed, "malformed_json",
			fmt.Sprintf("The body is not valid JSON near byte %d: %s.", d.InputOffset(), plainError(err)))
	}
	return tree, nil
}

// plainError is the reason without any part of the input, which may be personal.
func plainError(err error) string {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	case errors.As(err, &syntax):
		return "a character does not belong there"
	default:
		return err.Error()
	}
}

type treeParser struct {
	d      *json.Decoder
	fields *fault.Fields
}

func (p treeParser) value(at string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("it nests too deep")
	}
	token, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return p.object(at, depth)
	case json.Delim('['):
		return p.array(at, depth)
	default:
		return token, nil
	}
}

func (p treeParser) object(at string, depth int) (object, error) {
	out := object{}
	seen := map[string]bool{}
	for p.d.More() {
		token, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		inner := at + "/" + escapePointer(name)
		if seen[name] {
			p.fields.Add(inner, "duplicate_field", "is there twice")
		}
		seen[name] = true
		value, err := p.value(inner, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, member{name: name, value: value})
	}
	_, err := p.d.Token()
	return out, err
}

func (p treeParser) array(at string, depth int) ([]any, error) {
	out := []any{}
	for p.d.More() {
		value, err := p.value(fmt.Sprintf("%s/%d", at, len(out)), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	_, err := p.d.Token()
	return out, err
}
