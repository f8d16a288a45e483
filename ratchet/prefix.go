package ratchet

import (
	"encoding/binary"
	"math/bits"
)

// Places in an init envelope; spec/handshake.md#wire-format.
const (
	prefixSuite  = 1
	prefixFlags  = 3
	prefixSPK    = 4
	prefixOPK    = 8
	prefixNonce  = 12
	prefixEK     = 20
	prefixCTS    = 52
	prefixCTI    = 1620
	prefixLength = 2708
	prefixSealed = 2710

	flagOPK byte = 0x01

	// sealedStep is the padding step of the sealed identity.
	sealedStep    = 512
	sealedFixed   = 1 + 32 + 4 + 32 + 1 + MaxToken + 2
	maxSealed     = (sealedFixed + MaxIdentity + sealedStep - 1) / sealedStep * sealedStep
	sealedAround  = nonceSize + tagSize
	maxPrefix     = prefixSealed + sealedAround + maxSealed
	minInitPrefix = prefixSealed + sealedAround + sealedStep
)

// Prefix is what can be read of an init envelope without any key.
type Prefix struct {
	SPKID  uint32
	OPKID  uint32
	HasOPK bool
	ID     [32]byte // names the handshake: equal for every repetition of it
	raw    []byte   // from the kind to the end of the sealed identity
	rest   []byte   // the ratchet message
}

// ParsePrefix reads the clear part of an init envelope; spec/handshake.md#wire-format.
// It does no public-key operation. The only error is ErrMalformed.
func ParsePrefix(env []byte) (Prefix, error) {
	if kind, err := EnvelopeKind(env); err != nil || kind != KindInit {
		return Prefix{}, ErrMalformed
	}
	n := int(binary.BigEndian.Uint16(env[prefixLength:]))
	body := n - sealedAround
	if body < sealedStep || body > maxSealed || body%sealedStep != 0 {
		return Prefix{}, ErrMalformed
	}
	if len(env) < prefixSealed+n+messageSize(0) {
		return Prefix{}, ErrMalformed
	}
	p := prefixOf(env[:prefixSealed+n])
	p.rest = env[prefixSealed+n:]
	if binary.BigEndian.Uint16(env[prefixSuite:]) != Suite || env[prefixFlags]&^flagOPK != 0 {
		return Prefix{}, ErrMalformed
	}
	if !p.HasOPK && p.OPKID != 0 {
		return Prefix{}, ErrMalformed
	}
	return p, nil
}

// prefixOf reads the fields of a prefix of checked length.
func prefixOf(raw []byte) Prefix {
	return Prefix{
		SPKID:  binary.BigEndian.Uint32(raw[prefixSPK:]),
		OPKID:  binary.BigEndian.Uint32(raw[prefixOPK:]),
		HasOPK: raw[prefixFlags]&flagOPK != 0,
		ID:     hash(labelPrefix, raw[prefixEK:prefixCTI]),
		raw:    raw,
	}
}

// Work returns the bits of hashcash that the envelope proves for this
// responder and the bundle that SPKID names; spec/handshake.md#hashcash.
// It costs two hashes.
func (p Prefix) Work(self Responder, bundle [32]byte) int {
	return workBits(p.th0(bundle, self.CertHash), p.raw[prefixNonce:prefixEK])
}

// th0 is the hash of everything public of the handshake.
func (p Prefix) th0(bundle, cert [32]byte) [32]byte {
	return hash(labelTH0, p.raw[prefixSuite:prefixSPK], bundle[:], cert[:],
		p.raw[prefixSPK:prefixNonce], p.raw[prefixEK:prefixLength])
}

// sealed returns nonce and ciphertext of the identity.
func (p Prefix) sealed() (nonce, ct []byte) {
	s := p.raw[prefixSealed:]
	return s[:nonceSize], s[nonceSize:]
}

// workBits counts the leading zero bits of the hashcash.
func workBits(th0 [32]byte, nonce []byte) int {
	h := hash(labelWork, th0[:], nonce)
	for i := 0; i < len(h); i += 8 {
		if w := binary.BigEndian.Uint64(h[i:]); w != 0 {
			return i*8 + bits.LeadingZeros64(w)
		}
	}
	return 256
}

// findWork searches a nonce with the asked number of bits.
func findWork(th0 [32]byte, want int) [8]byte {
	var nonce [8]byte
	for i := uint64(0); ; i++ {
		binary.BigEndian.PutUint64(nonce[:], i)
		if want == 0 || workBits(th0, nonce[:]) >= want {
			return nonce
		}
	}
}
