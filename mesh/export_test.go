package mesh

import "github.com/p2pmsgd/p2pmsgd/node"

// Opener lets a test put a bad line between two nodes.
type Opener = opener

// NewOver is New with outgoing streams opened by o.
func NewOver(cfg Config, n *node.Node, o Opener) (*Mesh, error) { return build(cfg, n, o) }
