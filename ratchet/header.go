package ratchet

import "encoding/binary"

// flagControl marks a message of the ratchet itself.
const flagControl uint16 = 0x0001

// header is the plaintext header of a message; spec/ratchet.md#header.
type header struct {
	dh    [32]byte // sender's ratchet key
	pn    uint32   // messages in the sender's previous chain
	n     uint32   // number of this one in its chain
	epoch uint32   // post-quantum epoch
	idx   uint32   // number in the sender's chain of the epoch
	pqpn  uint32   // messages in the sender's chain of the epoch before
	piece piece    // of the object the lane carries
	flags uint16
}

// encode lays the header out in b, which is headerSize long and zero.
func (h *header) encode(b []byte) {
	copy(b, h.dh[:])
	be := binary.BigEndian
	be.PutUint32(b[32:], h.pn)
	be.PutUint32(b[36:], h.n)
	be.PutUint32(b[40:], h.epoch)
	be.PutUint32(b[44:], h.idx)
	be.PutUint32(b[48:], h.pqpn)
	b[52], b[53] = byte(h.piece.kind), h.piece.idx
	be.PutUint32(b[54:], h.piece.epoch)
	be.PutUint16(b[58:], h.flags)
	copy(b[60:], h.piece.tag[:])
	copy(b[64:], h.piece.data[:])
}

// decodeHeader reads an opened header. Counters beyond the bound are refused
// here, so that no sum of them can overflow later.
func decodeHeader(b []byte) (h header, ok bool) {
	if len(b) != headerSize {
		return header{}, false
	}
	be := binary.BigEndian
	h.dh = [32]byte(b)
	h.pn = be.Uint32(b[32:])
	h.n = be.Uint32(b[36:])
	h.epoch = be.Uint32(b[40:])
	h.idx = be.Uint32(b[44:])
	h.pqpn = be.Uint32(b[48:])
	h.piece.kind, h.piece.idx = objectKind(b[52]), b[53]
	h.piece.epoch = be.Uint32(b[54:])
	h.flags = be.Uint16(b[58:])
	h.piece.tag = [4]byte(b[60:])
	h.piece.data = [chunkSize]byte(b[64:])
	return h, max(h.pn, h.n, h.epoch, h.idx, h.pqpn) < maxCounter
}
