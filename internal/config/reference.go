package config

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
)

// Resolver reads what a reference stands for. It may be called at the same time by several. Its errors hold nothing of
// a secret.
type Resolver = func(ctx context.Context, reference string) (string, error)

var errEmpty = errors.New("the secret is empty")

// references are the parts of a value, between commas, that are references: those whose scheme has a resolver.
func references(value string, resolvers map[string]Resolver) []string {
	var list []string
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		scheme, _, found := strings.Cut(part, "://")
		if _, known := resolvers[scheme]; found && known {
			list = append(list, part)
		}
	}
	return list
}

// resolve puts what references stand for in their place: all of them are read at once, each one once. Those in settings that
// no use reads are left out, with their settings. The error names every variable and reference that cannot be read.
func resolve(ctx context.Context, vars map[string]string, resolvers map[string]Resolver, uses []Use) error {
	found := map[string]*resolved{}
	for _, name := range names() {
		list := references(vars[name], resolvers)
		if len(list) > 0 && !read(uses, name) {
			delete(vars, name)
			continue
		}
		for _, reference := range list {
			if found[reference] == nil {
				found[reference] = &resolved{}
			}
			found[reference].names = append(found[reference].names, name)
		}
	}
	var all sync.WaitGroup
	for reference, one := range found {
		scheme, _, _ := strings.Cut(reference, "://")
		all.Go(func() {
			one.value, one.err = resolvers[scheme](ctx, reference)
			if one.value = strings.TrimSpace(one.value); one.value == "" && one.err == nil {
				one.err = errEmpty
			}
		})
	}
	all.Wait()
	var p problems
	for reference, one := range found {
		for _, name := range one.names {
			if one.err != nil {
				p.add("%s: %s: %v", name, reference, one.err)
			}
			vars[name] = replacePart(vars[name], reference, one.value)
		}
	}
	return p.err()
}

// resolved is what became of a reference, and the variables that have it.
type resolved struct {
	names []string
	value string
	err   error
}

// replacePart replaces the parts between commas that are a reference.
func replacePart(value, reference, by string) string {
	parts := strings.Split(value, ",")
	for i, part := range parts {
		if strings.TrimSpace(part) == reference {
			parts[i] = by
		}
	}
	return strings.Join(parts, ",")
}

// read reports whether a process with these uses needs a variable at all. A command that talks to the API needs nothing but
// its key, and one that works on the database nothing but that: neither asks for secrets of others.
func read(uses []Use, name string) bool {
	if len(uses) == 0 {
		return name == "PRESSWORK_API_KEY"
	}
	return slices.ContainsFunc(uses, func(u Use) bool {
		switch u {
		case Migrate:
			return name == "MIGRATE_DATABASE_URL" || name == "DATABASE_URL"
		case Tokens:
			return name == "SECRET_KEY"
		case Secrets, Audit:
			return name == "DATABASE_URL" || name == "SECRET_KEY" || name == "SECRET_KEY_PREVIOUS"
		default:
			return true
		}
	})
}
