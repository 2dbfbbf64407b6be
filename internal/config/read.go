package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Load is Read where no setting is a reference.
func Load(environ []string, uses ...Use) (*Config, error) {
	return Read(context.Background(), environ, nil, uses...)
}

// Read reads and checks the environment, for what the process is going to do: what its uses cannot do without has to
// be set, and what is set has to be right. Each variable may also be given as NAME_FILE, the path of a file that
// holds the value, as container secrets are, or as a reference, SCHEME://…, which the resolver of its scheme reads.
// Without uses, only the API's key is resolved.
func Read(ctx context.Context, environ []string, resolvers map[string]Resolver, uses ...Use) (*Config, error) {
	vars, err := withFiles(env.ToMap(environ), resolvers)
	if err != nil {
		return nil, err
	}
	database := vars["DATABASE_URL"] != ""
	if err := resolve(ctx, vars, resolvers, uses); err != nil {
		return nil, err
	}
	var c Config
	var problems problems
	problems.parsed(env.ParseWithOptions(&c, env.Options{Environment: vars}))
	if c.Environment == "" {
		// A database that somebody set up is not a playground.
		c.Environment = "development"
		if database {
			c.Environment = "production"
		}
	}
	problems.check(&c, vars)
	problems.needs(&c, uses)
	return &c, problems.err()
}

func withFiles(vars map[string]string, resolvers map[string]Resolver) (map[string]string, error) {
	for _, name := range names() {
		path := vars[name+"_FILE"]
		if path == "" {
			continue
		}
		if vars[name] != "" {
			return nil, fmt.Errorf("%s and %s_FILE are both set", name, name)
		}
		value, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", name, err)
		}
		vars[name] = strings.TrimSpace(string(value))
		if len(references(vars[name], resolvers)) > 0 {
			return nil, fmt.Errorf("%s_FILE holds a reference, which has to stand in %s itself", name, name)
		}
	}
	return vars, nil
}

// names is every variable this build knows.
func names() []string {
	fields, err := env.GetFieldParams(&Config{})
	if err != nil {
		return nil
	}
	var list []string
	for _, f := range fields {
		if f.Key != "" && f.Key != "-" {
			list = append(list, f.Key)
		}
	}
	return list
}
