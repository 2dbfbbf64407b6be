package attack

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// world has real things for those that the description's examples name, made by the examples themselves.
type world struct {
	*house
	made map[string]string // example id to real id
	// collections are the operations that make something, by the path of what they make.
	collections map[string]operation
	names       atomic.Int64
	refused     string
	mu          sync.Mutex
}

// newWorld makes one of everything that can be made by an example.
func newWorld(h *house, operations []operation) *world {
	h.t.Helper()
	for _, kind := range []string{"email", "newsletter", "slack", "discord", "webhook"} { // what publications go out by
		h.Call(h.t, http.MethodPost, "/channels", node{"kind": kind, "provider": "placeholder", "name": "attacked-" + kind, "enabled": true}, nil)
	}
	w := &world{house: h, made: map[string]string{}, collections: map[string]operation{}}
	for _, o := range operations {
		if o.method == http.MethodPost && o.made != "" && !strings.Contains(o.path, "{") && len(o.bodies) > 0 {
			w.collections[o.path] = o
		}
	}
	left := maps.Clone(w.collections)
	for before := -1; len(left) != before; { // what one example needs another makes
		before = len(left)
		for _, path := range slices.Sorted(maps.Keys(left)) {
			if id := w.create(left[path]); id != "" {
				w.made[left[path].made] = id
				delete(left, path)
			}
		}
	}
	if len(left) > 0 {
		h.t.Errorf("the examples of %v make nothing: %s", slices.Sorted(maps.Keys(left)), w.refused)
	}
	return w
}

// create makes another one by the example of a collection; "" if it cannot be made.
func (w *world) create(o operation) string {
	b := o.bodies[0]
	for _, example := range b.examples {
		r := request{method: o.method, uri: w.uri(o, nil), kind: b.media, body: w.fill(w.unlike(b.media, example))}
		if r.kind == "*/*" {
			r.kind = "text/plain"
		}
		wire := &wire{host: w.host()}
		got, err := wire.send(w.t.Context(), r)
		_ = wire.close()
		if err == nil && got.status < http.StatusMultipleChoices {
			where := got.header.Get("Location")
			return where[strings.LastIndex(where, "/")+1:]
		}
		w.refused = fmt.Sprintf("%s %s: %d %s, %v", r.uri, r.body, got.status, got.body, err)
	}
	return ""
}

// unlike is an example that nothing else is called like. Publications are drafts, of which everything can be asked.
func (w *world) unlike(media string, example any) string {
	if media != "application/json" {
		return textOf(example)
	}
	o, _ := example.(node)
	o = maps.Clone(o)
	n := w.names.Add(1)
	if name, ok := o["name"].(string); ok {
		o["name"] = fmt.Sprintf("%s-%d", name, n)
		delete(o, "slug")
	}
	if email, ok := o["email"].(string); ok {
		o["email"] = fmt.Sprintf("n%d.%s", n, email)
	}
	if o["publication_type"] != nil {
		o["draft"] = true
		delete(o, "schedule_at")
		delete(o, "approval")
	}
	text, err := json.Marshal(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// fill puts real ids for those of the examples.
func (w *world) fill(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for example, real := range w.made {
		text = strings.ReplaceAll(text, example, real)
	}
	return text
}

// fresh is the id of a new one of what an operation is about, which earlier inputs did nothing to; "" if that is no resource.
func (w *world) fresh(o operation) string {
	collection, of, _ := strings.Cut(o.path, "/{")
	maker, ok := w.collections[collection]
	if !ok || of == "" {
		return ""
	}
	id := w.create(maker)
	if strings.HasSuffix(o.path, "/stream") && id != "" { // which ends when the publication has
		w.Call(w.t, http.MethodPost, strings.TrimPrefix(collection, "/api/v1")+"/"+id+"/cancel", nil, nil)
	}
	return id
}

// uri is the path of an operation with its required parameters. given are values of some, which are not escaped.
func (w *world) uri(o operation, given map[string]string) string {
	path, query := o.path, []string{}
	for _, p := range o.params {
		text, ok := given[p.name]
		if !ok {
			text = escaped(w.fill(p.example))
		}
		switch {
		case p.in == "path":
			path = strings.ReplaceAll(path, "{"+p.name+"}", text)
		case p.in == "query" && (ok || p.required):
			query = append(query, p.name+"="+text)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + strings.Join(query, "&")
}

// escaped is a text as it stands in a path or a query (RFC 3986): every byte that could mean something is escaped.
func escaped(text string) string {
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if digit := c >= '0' && c <= '9'; letter || digit || strings.IndexByte("-_.~", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
