package ratchet

import (
	"bytes"
	"encoding/binary"
)

// sealedIdentity is the plaintext of the sealed part of a prefix;
// spec/handshake.md#sealed-identity.
type sealedIdentity struct {
	kind     pskKind
	ref      ResumeRef
	manifest [32]byte // the responder's, as the initiator saw it
	token    []byte
	identity []byte
}

// size is the padded length of the encoding.
func (s *sealedIdentity) size() int {
	return (sealedFixed + len(s.identity) + sealedStep - 1) / sealedStep * sealedStep
}

// encode lays the fields out; token and identity are of checked length.
func (s *sealedIdentity) encode() []byte {
	b := make([]byte, 0, s.size())
	b = append(b, byte(s.kind))
	b = append(b, s.ref.Session[:]...)
	b = binary.BigEndian.AppendUint32(b, s.ref.Step)
	b = append(b, s.manifest[:]...)
	b = append(b, byte(len(s.token)))
	var token [MaxToken]byte
	copy(token[:], s.token)
	b = append(b, token[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.identity)))
	b = append(b, s.identity...)
	return b[:s.size()]
}

// decodeSealed is the reverse of encode and takes nothing else than what
// encode makes.
func decodeSealed(b []byte) (s sealedIdentity, ok bool) {
	r := reader{b: b}
	s.kind = pskKind(r.byte())
	s.ref.Session = r.array32()
	s.ref.Step = r.uint32()
	s.manifest = r.array32()
	n := int(r.byte())
	token := r.take(MaxToken)
	m := int(r.uint16())
	s.identity = r.take(m)
	if r.bad || n > MaxToken || m > MaxIdentity || len(b) != s.size() {
		return s, false
	}
	s.token = token[:n]
	refOK := s.kind == pskResume || s.ref == ResumeRef{}
	return s, s.kind <= pskResume && refOK && allZero(token[n:]) && allZero(r.b)
}

// allZero tells whether the padding is what it must be: the first byte is
// zero, and each one is as the one before.
func allZero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
