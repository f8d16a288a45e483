package ratchet

// What the tests of this package see beside its API.

// LaneKnown is the newest epoch a side knows, with one it is about to answer.
func (s Session) LaneKnown() uint32 {
	if s.lane.peerEK != nil {
		return s.lane.epoch + 1
	}
	return s.lane.epoch
}

// Stored is how many keys each part keeps.
func (s Session) Stored() (double, lane, heads int) {
	return s.dr.skipped.count, s.lane.skipped.count, len(s.dr.old)
}

// WithRatchetKey is s with another public key in its headers.
func (s Session) WithRatchetKey(public [32]byte) Session {
	self := *s.dr.self
	self.public = public
	s.dr.self = &self
	return s
}

// WithCounters is s with other numbers in its next header.
func (s Session) WithCounters(n, pn, idx, pqpn uint32) Session {
	s.dr.send.n, s.dr.prev, s.lane.send.n, s.lane.prev = n, pn, idx, pqpn
	return s
}

// WithEpoch is s with another epoch in its headers.
func (s Session) WithEpoch(epoch uint32) Session {
	s.lane.send.id = epoch
	return s
}

// Impersonate is what the holder of s can make of it: a session that seals
// what s then takes for messages of its peer.
func (s Session) Impersonate() Session {
	s.dr.send, s.dr.sendHead, s.dr.live = s.dr.recv, s.dr.recvHead, true
	s.dr.self = &dhKey{public: s.dr.remote}
	s.lane.send = s.lane.recv
	s.lane.out, s.lane.peerEK, s.lane.seed = nil, nil, &[64]byte{}
	s.local = s.peer
	return s
}

// Secrets are the secrets of a session that must be gone when it moved on.
func (s Session) Secrets() (root, send, recv, laneRoot [32]byte) {
	return s.dr.root, s.dr.send.key, s.dr.recv.key, s.lane.root
}

const (
	OffsetSuite  = prefixSuite
	OffsetFlags  = prefixFlags
	OffsetSPK    = prefixSPK
	OffsetOPK    = prefixOPK
	OffsetNonce  = prefixNonce
	OffsetEK     = prefixEK
	OffsetCTS    = prefixCTS
	OffsetCTI    = prefixCTI
	OffsetLength = prefixLength
	OffsetSealed = prefixSealed
)

// EncodeChunk and DecodeChunks are the erasure code.
func EncodeChunk(object []byte, idx byte) (out [chunkSize]byte) {
	encodeChunk(&out, object, idx)
	return out
}

func DecodeChunks(idx [3]byte, data [3][chunkSize]byte) []byte {
	var in [codeK]*chunk
	for i := range in {
		in[i] = &chunk{idx: idx[i], data: data[i]}
	}
	return decodeChunks(in)
}

// RecodeHeader decodes and encodes a header.
func RecodeHeader(b []byte) ([]byte, bool) {
	h, ok := decodeHeader(b)
	out := make([]byte, headerSize)
	h.encode(out)
	return out, ok
}

// RecodeSealed decodes and encodes a sealed identity.
func RecodeSealed(b []byte) ([]byte, bool) {
	s, ok := decodeSealed(b)
	if !ok {
		return nil, false
	}
	return s.encode(), true
}
