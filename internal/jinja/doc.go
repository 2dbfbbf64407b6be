// Package jinja renders Jinja2 templates with minijinja-go behind the port of internal/template. It is
// the only importer of minijinja-go.
//
// Authors are not trusted. minijinja-go bounds steps and depth, but neither memory nor time: one
// 'x' * 10**8, a doubling loop over ~ or a list that holds itself would take the process down. So a
// source goes through a parser of ours first (internal/jinja/syntax), which yields the variables with
// their places, refuses what authors may not have (safe, autoescape, debug, files, dynamic includes), and
// marks the places that can create much from little. guard.go then rewrites just those places, as
// edits that leave every other byte alone: a + b becomes (a)|__add(b), and the filters behind those
// names, like every other filter, function and output, charge a budget carried by the render's context.
package jinja
