package config

import (
	"errors"
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// parsed notes what could not be read into its field. The library names the field; people know the variable.
func (p *problems) parsed(err error) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		if err != nil {
			p.add("%v", err)
		}
		return
	}
	for _, one := range all.Errors {
		var wrong env.ParseError
		field, found := reflect.StructField{}, false
		if errors.As(one, &wrong) {
			field, found = reflect.TypeFor[Config]().FieldByName(wrong.Name)
		}
		if !found {
			p.add("%v", one)
			continue
		}
		p.add("%s must be %s", field.Tag.Get("env"), kindOf(field.Type))
	}
}

// kindOf says what a value of the type looks like.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration, as in 25s"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a " + t.String()
	}
}

// has reports a problem with the variable.
func (p *problems) has(name string) bool {
	for _, problem := range p.list {
		if strings.HasPrefix(problem, name+" ") {
			return true
		}
	}
	return false
}

// address refuses what cannot be listened on: HOST:PORT, with the host left out for every interface.
func (p *problems) address(name, value string) {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		p.add("%s must be an address, as in :8080 or 127.0.0.1:8080", name)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		p.add("%s must have a port of 0 (a free one) to 65535, not %q", name, port)
	}
}
