package main

import (
	"fmt"
	"slices"
	"strings"
)

// view is what the page shows.
type view struct {
	Title, Summary, About string
	Credentials           []credentialView
	Tags                  []tagView
	Headers               []propertyView
	Errors                []answerView
	Schemas               []schemaView
}

// credentialView is a way to say who asks.
type credentialView struct {
	Header, About string
}

type tagView struct {
	Name, About string
	Operations  []operationView
}

type operationView struct {
	ID, Method, Path, Summary, About string
	// Needs is the permission, "" if nobody has to say who they are.
	Needs      string
	Parameters []parameterView
	Body       []mediaView
	Answers    []answerView
}

type parameterView struct {
	Name, In, About string
	Required        bool
	Type            typeView
	Example         any
}

type answerView struct {
	// Name is that of a shared error, which is shown once for all; "" of others.
	Name, Status, About string
	Headers             []string
	Media               []mediaView
}

type mediaView struct {
	Media    string
	Type     typeView
	Examples []any
}

type schemaView struct {
	Name, About string
	Type        typeView
	Properties  []propertyView
	Example     any
}

type propertyView struct {
	Name, About string
	Required    bool
	Type        typeView
}

// viewer reads a joined document.
type viewer struct{ document *object }

func newView(document *object) view {
	v := viewer{document}
	info := document.object("info")
	out := view{Title: info.text("title"), Summary: info.text("summary"), About: info.text("description")}
	components := document.object("components")
	for _, name := range components.object("securitySchemes").names {
		out.Credentials = append(out.Credentials, credential(components.object("securitySchemes").object(name)))
	}
	called := v.headerNames()
	for _, name := range components.object("headers").names {
		h := components.object("headers").object(name)
		required, _ := h.values["required"].(bool)
		out.Headers = append(out.Headers, propertyView{Name: called[name], About: h.text("description"), Required: required, Type: v.kind(h.object("schema"))})
	}
	at := map[string]int{}
	for i, tag := range document.list("tags") {
		o, _ := tag.(*object)
		at[o.text("name")] = i
		out.Tags = append(out.Tags, tagView{Name: o.text("name"), About: o.text("description")})
	}
	for _, part := range []string{"paths", "webhooks"} {
		for _, path := range document.object(part).names {
			item := document.object(part).object(path)
			for _, method := range item.names {
				if method == "parameters" {
					continue
				}
				op := v.operation(method, path, item)
				tag, _ := item.object(method).list("tags")[0].(string)
				out.Tags[at[tag]].Operations = append(out.Tags[at[tag]].Operations, op)
			}
		}
	}
	errors := components.object("responses")
	for _, name := range errors.names {
		shared := v.answer(errors.object(name))
		shared.Name = name
		out.Errors = append(out.Errors, shared)
	}
	schemas := components.object("schemas")
	for _, name := range schemas.names {
		out.Schemas = append(out.Schemas, v.schema(name, schemas.object(name)))
	}
	return out
}

// headerNames are the names under which answers have the described headers: two may be of one name.
func (v viewer) headerNames() map[string]string {
	called := map[string]string{}
	note := func(response *object) {
		headers := response.object("headers")
		for _, name := range headers.names {
			ref := headers.object(name).text("$ref")
			called[ref[strings.LastIndex(ref, "/")+1:]] = name
		}
	}
	shared := v.document.object("components").object("responses")
	for _, name := range shared.names {
		note(shared.object(name))
	}
	paths := v.document.object("paths")
	for _, path := range paths.names {
		for _, method := range paths.object(path).names {
			responses := paths.object(path).object(method).object("responses")
			for _, status := range responses.names {
				note(responses.object(status))
			}
		}
	}
	return called
}

// credential is a security scheme as it is sent.
func credential(scheme *object) credentialView {
	header := scheme.text("name") + ": …"
	if scheme.text("type") == "http" {
		header = "Authorization: " + strings.ToUpper(scheme.text("scheme")[:1]) + scheme.text("scheme")[1:] + " …"
	}
	return credentialView{Header: header, About: scheme.text("description")}
}

// resolve follows a $ref.
func (v viewer) resolve(value any) *object {
	o, _ := value.(*object)
	if o == nil {
		return newObject()
	}
	ref := o.text("$ref")
	if ref == "" {
		return o
	}
	target := v.document
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		target = target.object(name)
	}
	return target
}

func (v viewer) operation(method, path string, item *object) operationView {
	o := item.object(method)
	view := operationView{ID: o.text("operationId"), Method: strings.ToUpper(method), Path: path, Summary: o.text("summary"),
		About: o.text("description"), Needs: needs(o)}
	for _, p := range append(append([]any{}, item.list("parameters")...), o.list("parameters")...) {
		parameter := v.resolve(p)
		required, _ := parameter.values["required"].(bool)
		view.Parameters = append(view.Parameters, parameterView{Name: parameter.text("name"), In: parameter.text("in"), Required: required,
			About: parameter.text("description"), Type: v.kind(parameter.object("schema")), Example: parameter.values["example"]})
	}
	view.Body = v.media(o.object("requestBody").object("content"))
	responses := o.object("responses")
	for _, status := range responses.names {
		answer := v.answer(responses.object(status))
		answer.Status = status
		view.Answers = append(view.Answers, answer)
	}
	return view
}

// needs is the permission that an operation's security names.
func needs(operation *object) string {
	for _, one := range operation.list("security") {
		o, _ := one.(*object)
		for _, scheme := range o.names {
			for _, scope := range o.list(scheme) {
				return fmt.Sprint(scope)
			}
		}
	}
	return ""
}

func (v viewer) answer(response *object) answerView {
	if ref := response.text("$ref"); ref != "" {
		return answerView{Name: ref[strings.LastIndex(ref, "/")+1:], About: v.resolve(response).text("description")}
	}
	return answerView{About: response.text("description"), Headers: response.object("headers").names, Media: v.media(response.object("content"))}
}

func (v viewer) media(content *object) []mediaView {
	var list []mediaView
	for _, name := range content.names {
		o := content.object(name)
		m := mediaView{Media: name, Type: v.kind(o.object("schema"))}
		if example, given := o.values["example"]; given {
			m.Examples = append(m.Examples, example)
		}
		for _, key := range o.object("examples").names {
			m.Examples = append(m.Examples, o.object("examples").object(key).values["value"])
		}
		list = append(list, m)
	}
	return list
}

func (v viewer) schema(name string, o *object) schemaView {
	view := schemaView{Name: name, About: o.text("description"), Type: v.kind(o)}
	required := o.list("required")
	for _, property := range o.object("properties").names {
		p := o.object("properties").object(property)
		about := p.text("description")
		if about == "" {
			about = v.resolve(p).text("description")
		}
		view.Properties = append(view.Properties, propertyView{Name: property, About: about,
			Required: slices.Contains(required, any(property)), Type: v.kind(p)})
	}
	if examples := o.list("examples"); len(examples) > 0 {
		view.Example = examples[0]
	}
	return view
}
