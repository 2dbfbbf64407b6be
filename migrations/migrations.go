// Package migrations holds the versioned schema: one numbering, each step up and down.
package migrations

import "embed"

// FS holds the migrations, NNNN_name.sql, in goose's form.
//
//go:embed *.sql
var FS embed.FS
