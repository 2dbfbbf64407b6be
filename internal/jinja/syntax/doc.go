// Package syntax reads Jinja2 templates into trees that keep every byte offset. The evaluator has a
// parser of its own; this one serves what that one cannot: which variables a source reads and where,
// which constructs are refused, and which places must be guarded.
package syntax
