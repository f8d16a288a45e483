package ratchet

import "io"

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

// SealBody seals a body as it is, be it well formed or not.
func (s Session) SealBody(rand io.Reader, control bool, body []byte) ([]byte, error) {
	if err := s.ready(rand); err != nil {
		return nil, err
	}
	h := s.header(control)
	env := make([]byte, MinMessage)
	env[0] = byte(KindMessage)
	msg, at := env[1:], nonceSize+sealedHeader
	if _, err := io.ReadFull(rand, msg[:nonceSize]); err != nil {
		return nil, err
	}
	h.encode(msg[nonceSize:][:headerSize])
	sealTo(msg[:nonceSize], &s.dr.sendHead, msg[:nonceSize], msg[nonceSize:][:headerSize], s.headerAD(nil))
	mk, _ := s.messageKeys(s.dr.send.next(), s.lane.send.next())
	return append(env[:1+at], sealTo(nil, &mk, msg[:nonceSize], body, s.bodyAD(nil, s.local, msg[nonceSize:at]))...), nil
}

// Takes tells whether the lane of s takes a piece of an object that leads so
// many epochs beyond the newest known one. early is in a message of an epoch
// before that one.
func (s Session) Takes(ciphertext bool, ahead uint32, early bool) bool {
	s.lane.recv.id, s.lane.send.id, s.lane.in = s.lane.epoch, s.lane.epoch, gathering{}
	if early {
		s.lane.recv.id--
	}
	p := piece{kind: objectEK, epoch: s.lane.epoch + ahead}
	if ciphertext {
		p.kind = objectCT
	}
	s.lane.accept(&p, s.sid)
	return s.lane.in.n > 0
}

// Gather gives the lane of s three pieces with these numbers and a tag that is
// not theirs, and tells whether they were thrown away.
func (s Session) Gather(ciphertext bool, idx [3]byte) bool {
	before := s.lane.epoch
	s.lane.recv.id, s.lane.send.id, s.lane.in = before, before, gathering{}
	for _, i := range idx {
		p := piece{kind: objectEK, epoch: before + 1, idx: i, tag: [4]byte{1, 2, 3, 4}}
		if ciphertext {
			p.kind = objectCT
		}
		s.lane.accept(&p, s.sid)
	}
	return s.lane.epoch == before && s.lane.peerEK == nil && s.lane.in.n == 0
}
