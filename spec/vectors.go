// Package spec carries the test vectors of the wire protocol beside the
// documents that define it, so that this implementation and any other one can
// be checked against the same files. The documents are the *.md files of this
// folder; README.md is the place to start.
package spec

import (
	"embed"
	"fmt"
)

//go:embed vectors
var vectors embed.FS

// Vector returns the bytes of vectors/<name>.json.
func Vector(name string) ([]byte, error) {
	b, err := vectors.ReadFile("vectors/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("spec: vector %q: %w", name, err)
	}
	return b, nil
}
