package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/presswork/presswork/client/api"
)

// described is an operation of the API's description, as far as these tests look.
type described struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Ref  string `json:"$ref"`
		Name string `json:"name"`
	} `json:"parameters"`
	Body struct {
		Content map[string]content `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]content `json:"content"`
	} `json:"responses"`

	method, path string
}

type content struct {
	Schema struct {
		Ref string `json:"$ref"`
	} `json:"schema"`
	Example  json.RawMessage `json:"example"`
	Examples map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"examples"`
}

func (c content) all() []json.RawMessage {
	var list []json.RawMessage
	if c.Example != nil {
		list = append(list, c.Example)
	}
	for _, e := range c.Examples {
		list = append(list, e.Value)
	}
	return list
}

func (d described) takes(parameter string) bool {
	for _, p := range d.Parameters {
		if p.Name == parameter || strings.HasSuffix(p.Ref, "/"+parameter) {
			return true
		}
	}
	return false
}

// method is the name of what calls it.
func (d described) goName() string { return strings.ToUpper(d.ID[:1]) + d.ID[1:] }

func operations(t *testing.T) []described {
	t.Helper()
	text, err := os.ReadFile("../internal/httpapi/openapi/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var list []described
	for path, item := range document.Paths {
		for method, value := range item {
			if method == "parameters" {
				continue
			}
			d := described{method: strings.ToUpper(method), path: path}
			if err := json.Unmarshal(value, &d); err != nil {
				t.Fatal(err)
			}
			list = append(list, d)
		}
	}
	return list
}

// iterators are methods that range over a list.
func iterators(c reflect.Type) int {
	n := 0
	for m := range c.Methods() {
		if m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Func && m.Type.NumIn() > 2 && m.Type.In(m.Type.NumIn()-2).Kind() == reflect.Struct {
			n++
		}
	}
	return n
}

// TestEveryOperationHasAMethod, and every list an iterator; there are no others.
func TestEveryOperationHasAMethod(t *testing.T) {
	t.Parallel()
	of := reflect.TypeFor[*api.Client]()
	list := operations(t)
	lists := 0
	for _, d := range list {
		if _, ok := of.MethodByName(d.goName()); !ok {
			t.Errorf("%s %s has no method %s", d.method, d.path, d.goName())
		}
		if !d.takes("cursor") {
			continue
		}
		lists++
		if _, ok := of.MethodByName(strings.TrimPrefix(d.goName(), "List")); !ok {
			t.Errorf("%s %s has no iterator", d.method, d.path)
		}
	}
	if len(list) < 98 || lists < 17 || of.NumMethod() != len(list)+lists || iterators(of) != lists {
		t.Errorf("%d operations and %d lists, %d methods and %d iterators", len(list), lists, of.NumMethod(), iterators(of))
	}
}

// call makes a call with arguments that say nothing, but for the body.
func call(ctx context.Context, c *Client, d described, body json.RawMessage) (answer any, err error) {
	method := reflect.ValueOf(c.Client).MethodByName(d.goName())
	in := []reflect.Value{}
	for i := range method.Type().NumIn() - 1 { // without the options
		arg := reflect.New(method.Type().In(i)).Elem()
		switch name := method.Type().In(i).String(); {
		case i == 0:
			arg.Set(reflect.ValueOf(ctx))
		case name == "io.Reader":
			arg = reflect.ValueOf(strings.NewReader("a file"))
		case arg.Kind() == reflect.String:
			arg.SetString("a/b")
		case arg.Kind() == reflect.Int || arg.Kind() == reflect.Int64:
			arg.SetInt(7)
		case len(body) > 0 && !strings.HasSuffix(name, "Params"):
			if err := strict(body, arg.Addr().Interface()); err != nil {
				return nil, err
			}
		}
		in = append(in, arg)
	}
	out := method.Call(in)
	err, _ = out[len(out)-1].Interface().(error)
	if len(out) == 2 {
		answer = out[0].Interface()
	}
	return answer, err
}

func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// TestTypesSayWhatTheExamplesSay: every example of the description, of a request and of an answer, goes through the method
// of its operation without a loss.
func TestTypesSayWhatTheExamplesSay(t *testing.T) {
	t.Parallel()
	var asked described
	var status int
	var sent, answer []byte
	inPath := regexp.MustCompile(`\{[^}]+\}`)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path := inPath.ReplaceAllString(asked.path, "(a%2Fb|7)")
		if r.Method != asked.method || !regexp.MustCompile("^"+path+"$").MatchString(r.URL.EscapedPath()) {
			t.Errorf("%s: %s %s", asked.ID, r.Method, r.URL)
		}
		sent, _ = io.ReadAll(r.Body)
		if len(answer) > 0 {
			w.Header().Set("Content-Type", "application/json")
		}
		write(t, w, status, string(answer))
	}, WithoutRetries())
	requests, answers := 0, 0
	for _, d := range operations(t) {
		asked = d
		for code, response := range d.Responses {
			if code >= "400" || code == "304" {
				continue
			}
			status, _ = strconv.Atoi(code)
			examples := response.Content["application/json"].all()
			if len(examples) == 0 {
				examples = []json.RawMessage{nil}
			}
			for _, answer = range examples {
				got, err := call(t.Context(), c.Client, d, nil)
				if err != nil {
					t.Errorf("%s, %s: %v", d.ID, code, err)
				} else if len(answer) > 0 {
					answers++
					same(t, d.ID+" answers", answer, chosen(got))
				}
			}
		}
		answer = nil
		status = http.StatusNoContent
		for _, example := range d.Body.Content["application/json"].all() {
			requests++
			if _, err := call(t.Context(), c.Client, d, example); err != nil {
				t.Errorf("%s: %v", d.ID, err)
			}
			same(t, d.ID+" sends", example, json.RawMessage(sent))
		}
	}
	if requests < 30 || answers < 80 {
		t.Errorf("only %d requests and %d answers", requests, answers)
	}
}

// chosen is the one that is not nil of several kinds of answers.
func chosen(got any) any {
	v := reflect.ValueOf(got)
	if v.Kind() != reflect.Struct || !strings.HasSuffix(v.Type().Name(), "Answer") {
		return got
	}
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			return v.Field(i).Interface()
		}
	}
	return nil
}

// same compares JSON. What one leaves out may be null, false or an empty text in the other, which means the same.
func same(t *testing.T, what string, want json.RawMessage, got any) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(want, &a) != nil || json.Unmarshal(text, &b) != nil || !reflect.DeepEqual(withoutNothing(a), withoutNothing(b)) {
		t.Errorf("%s\n%s\nwant\n%s", what, text, want)
	}
}

func withoutNothing(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if inner == nil || inner == "" || inner == false {
				delete(v, name)
			} else {
				v[name] = withoutNothing(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNothing(v[i])
		}
	}
	return v
}
