package ratchet

import (
	"crypto/mlkem"
	"encoding/binary"
)

// stateVersion is the first byte of an encoded session; spec/ratchet.md#session-state.
const stateVersion byte = 1

// Flags of an encoded session.
const (
	stateInitiator uint16 = 1 << iota
	stateSelf             // the ratchet key pair is there
	stateLive
	statePrefix
	stateSeed
	statePeerEK
	stateOutEK
	stateOutCT
	stateKnown = stateOutCT<<1 - 1
)

// stateFixed is the length of the fields every session has.
const stateFixed = 1 + 2 + 3*32 + 2*16 + 32 + // ids
	32 + 4 + 32 + 2*40 + 4*32 + 4 + keptResume*32 + // double ratchet
	32 + 4 + 2*40 + 2*32 + 4 // lane

// Encode returns the state for the disk, in a fixed layout:
// spec/ratchet.md#session-state. It holds secrets.
func (s Session) Encode() ([]byte, error) {
	b := make([]byte, 0, s.encodedSize())
	b = append(b, stateVersion)
	b = binary.BigEndian.AppendUint16(b, s.flags())
	b = append(append(append(b, s.sid[:]...), s.th[:]...), s.prefixID[:]...)
	b = append(append(append(b, s.local[:]...), s.peer[:]...), s.tags[:]...)
	b = s.dr.append(b)
	b = s.lane.append(b)
	if s.prefix != nil {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s.prefix)))
		b = append(b, s.prefix...)
	}
	return b, nil
}

// encodedSize is not less than what Encode makes.
func (s *Session) encodedSize() int {
	n := stateFixed + 64 + len(s.prefix) + 64 + len(s.lane.peerEK) + s.lane.in.n*(1+chunkSize) + len(s.dr.old)*36
	if s.lane.out != nil {
		n += len(s.lane.out.bytes)
	}
	if s.lane.seed != nil {
		n += len(s.lane.seed)
	}
	for _, k := range []*skipped{&s.dr.skipped, &s.lane.skipped} {
		n += len(k.blocks)*16 + k.count*32
	}
	return n
}

// flags says what is there.
func (s *Session) flags() (f uint16) {
	set := func(on bool, bit uint16) {
		if on {
			f |= bit
		}
	}
	set(s.initiator, stateInitiator)
	set(s.dr.self != nil, stateSelf)
	set(s.dr.live, stateLive)
	set(s.prefix != nil, statePrefix)
	set(s.lane.seed != nil, stateSeed)
	set(s.lane.peerEK != nil, statePeerEK)
	set(s.lane.out != nil && s.lane.out.kind == objectEK, stateOutEK)
	set(s.lane.out != nil && s.lane.out.kind == objectCT, stateOutCT)
	return f
}

func (c *chain) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, c.id)
	b = append(b, c.key[:]...)
	return binary.BigEndian.AppendUint32(b, c.n)
}

func (d *double) append(b []byte) []byte {
	b = append(b, d.root[:]...)
	b = binary.BigEndian.AppendUint32(b, d.step)
	if d.self != nil {
		b = append(append(b, d.self.secret[:]...), d.self.public[:]...)
	}
	b = append(b, d.remote[:]...)
	b = d.recv.append(d.send.append(b))
	for _, k := range []*key{&d.sendHead, &d.recvHead, &d.nextSend, &d.nextRecv} {
		b = append(b, k[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, d.prev)
	for i := range d.resume {
		b = append(b, d.resume[i][:]...)
	}
	b = append(b, byte(len(d.old)))
	for _, h := range d.old {
		b = append(binary.BigEndian.AppendUint32(b, h.chain), h.key[:]...)
	}
	return d.skipped.append(b)
}

func (s *skipped) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.blocks)))
	for _, k := range s.blocks {
		b = binary.BigEndian.AppendUint32(b, k.chain)
		b = binary.BigEndian.AppendUint32(b, k.base)
		b = binary.BigEndian.AppendUint64(b, k.mask)
		for i := range k.keys {
			b = append(b, k.keys[i][:]...)
		}
	}
	return b
}

func (l *lane) append(b []byte) []byte {
	b = append(b, l.root[:]...)
	b = binary.BigEndian.AppendUint32(b, l.epoch)
	b = l.recv.append(l.send.append(b))
	b = append(append(b, l.nextSend[:]...), l.nextRecv[:]...)
	b = binary.BigEndian.AppendUint32(b, l.prev)
	if l.seed != nil {
		b = append(b, l.seed[:]...)
	}
	b = append(b, l.peerEK...)
	if o := l.out; o != nil {
		b = binary.BigEndian.AppendUint32(b, o.epoch)
		b = append(append(append(b, o.tag[:]...), l.outIdx), o.bytes...)
	}
	b = append(append(b, byte(l.in.n)), l.in.tag[:]...)
	for _, c := range l.in.have[:l.in.n] {
		b = append(append(b, c.idx), c.data[:]...)
	}
	return l.skipped.append(b)
}

// objectLength is the length of each kind of object.
func objectLength(kind objectKind) int {
	if kind == objectEK {
		return mlkem.EncapsulationKeySize768
	}
	return mlkem.CiphertextSize768
}
