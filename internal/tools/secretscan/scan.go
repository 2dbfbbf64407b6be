package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// finding is one thing that looks like a secret.
type finding struct {
	file string
	line int
	kind string
	text string
}

// String shows where and what, with the secret masked.
func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.file, f.line, f.kind, mask(f.text))
}

// mask keeps enough to find the string and too little to use it.
func mask(text string) string {
	const shown = 6
	if len(text) <= 2*shown {
		return "…"
	}
	return text[:shown] + "…"
}

// forbidden says why a file must not be in the repository whatever it holds, or nothing.
func forbidden(name string) string {
	base := path.Base(name)
	switch {
	case base == ".env.example":
		return ""
	case base == ".env" || strings.HasPrefix(base, ".env."):
		return "settings of one machine"
	case base == "id_rsa", base == "id_ed25519", base == "id_ecdsa", base == "id_dsa":
		return "an SSH key"
	case path.Ext(base) == ".p12" || path.Ext(base) == ".pfx" || path.Ext(base) == ".jks":
		return "a key store"
	}
	return ""
}

// scanFile looks through one file. Binary files and links are passed over; a file that is tracked but was
// removed has nothing to hide.
func scanFile(root, name string, allowed *allowList) ([]finding, error) {
	if why := forbidden(name); why != "" {
		return []finding{{file: name, line: 1, kind: why, text: path.Base(name)}}, nil
	}
	full := filepath.Join(root, filepath.FromSlash(name))
	info, err := os.Lstat(full)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	text, err := os.ReadFile(full) //nolint:gosec // a file of the repository, as git names it
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return nil, nil
	}
	return scan(name, text, allowed), nil
}

// scan looks for every pattern in every line.
func scan(name string, text []byte, allowed *allowList) []finding {
	var findings []finding
	kinds := patterns()
	line := 0
	for raw := range bytes.Lines(text) {
		line++
		raw = bytes.TrimRight(raw, "\r\n")
		seen := map[string]bool{}
		for _, kind := range kinds {
			for _, match := range kind.expr.FindAllSubmatch(raw, -1) {
				secret := string(match[0])
				if kind.random {
					secret = string(match[len(match)-1])
				}
				if seen[secret] || kind.random && !looksRandom(secret) || allowed.has(secret) {
					continue
				}
				seen[secret] = true
				findings = append(findings, finding{file: name, line: line, kind: kind.name, text: secret})
			}
		}
	}
	return findings
}
