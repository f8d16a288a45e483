package mesh

import "github.com/p2pmsgd/p2pmsgd/node"

// Opener lets a test put a bad line between two nodes.
type Opener = opener

// NewOver is New with outgoing streams opened by o.
func NewOver(cfg Config, n *node.Node, o Opener) (*Mesh, error) { return build(cfg, n, o) }

// DataFrame is an envelope as it goes over the wire.
func DataFrame(n uint64, env []byte) []byte {
	return frame{Kind: kindData, N: n, Body: env}.append(nil)
}

// AckFrame is the frame of a receipt.
func AckFrame(n uint64, receipt [ReceiptSize]byte) []byte {
	return answer(n, Verdict{Receipt: receipt}).append(nil)
}

// RefuseFrame is the frame of a refusal.
func RefuseFrame(n uint64, c Code) []byte { return answer(n, Verdict{Refuse: c}).append(nil) }

// ReadAnswer reads what a receiver says.
func ReadAnswer(b []byte) (n uint64, refused Code, err error) {
	f, err := decodeAnswer(b)
	return f.N, f.Code, err
}

// Held is how much memory of the shared budget the mesh holds.
func (m *Mesh) Held() int64 { return m.lim.BufferBytes - m.inbound.budget.left.Load() }
