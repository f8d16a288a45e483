package ratchet

import "encoding/binary"

// secrets are what the handshake agreed on; spec/handshake.md#key-schedule.
type secrets struct {
	dh1, dh2, dh3, dh4 key
	ssS, ssI           key
	psk                key
}

// derived is what comes of them.
type derived struct {
	root  key // RK0
	headA key // HKa, heads of the initiator's first chain
	headB key // NHKb, heads of the responder's first chain
	lane  key // PQK0
	tags  key // TK, kept for mailbox tags
	sid   [32]byte
}

// initKey is k0, under which the initiator's identity is sealed.
func (x *secrets) initKey(th0 [32]byte) key {
	ikm := append(x.dh3[:len(x.dh3):len(x.dh3)], x.ssS[:]...)
	defer clear(ikm)
	return key(kdf(th0[:], ikm, labelInit, nil, 32))
}

// derive runs the key schedule over the transcript hash.
func (x *secrets) derive(th [32]byte) derived {
	var zero [32]byte
	ikm := make([]byte, 0, 8*32)
	for range 32 {
		ikm = append(ikm, 0xff)
	}
	for _, k := range []*key{&x.dh3, &x.ssS, &x.dh4, &x.dh1, &x.dh2, &x.ssI, &x.psk} {
		ikm = append(ikm, k[:]...)
	}
	defer clear(ikm)
	okm := kdf(zero[:], ikm, labelKeys, th[:], 5*32)
	defer clear(okm)
	return derived{
		root: key(okm[:]), headA: key(okm[32:]), headB: key(okm[64:]),
		lane: key(okm[96:]), tags: key(okm[128:]),
		sid: [32]byte(kdf(zero[:], ikm, labelSession, th[:], 32)),
	}
}

// pskKind says what the pre-shared key of a handshake is.
type pskKind byte

const (
	pskNone pskKind = iota
	pskExternal
	pskResume
)

// party is one side in the transcript.
type party struct {
	account  [32]byte
	device   [16]byte
	cert     [32]byte
	manifest [32]byte
}

// transcript is th1, the hash over everything both sides must agree on.
func transcript(th0 [32]byte, a, b party, kind pskKind, ref ResumeRef, sealed []byte) [32]byte {
	inner := hash(labelSealed, sealed)
	return hash(labelTH1, th0[:],
		a.account[:], a.device[:], a.cert[:], a.manifest[:],
		b.account[:], b.device[:], b.cert[:], b.manifest[:],
		[]byte{byte(kind)}, ref.Session[:], binary.BigEndian.AppendUint32(nil, ref.Step), inner[:])
}
