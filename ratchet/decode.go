package ratchet

import (
	"bytes"
	"math/bits"

	"crypto/mlkem"
)

// DecodeSession is the reverse of Encode. It takes only what Encode makes; the
// only error is ErrState.
func DecodeSession(b []byte) (Session, error) {
	r := reader{b: b}
	if r.byte() != stateVersion {
		return Session{}, ErrState
	}
	flags := r.uint16()
	s := Session{initiator: flags&stateInitiator != 0}
	s.sid, s.th, s.prefixID = r.array32(), r.array32(), r.array32()
	s.local, s.peer, s.tags = r.array16(), r.array16(), r.key()
	s.dr.decode(&r, flags)
	s.lane.initiator = s.initiator
	s.lane.decode(&r, flags)
	if flags&statePrefix != 0 {
		s.prefix = bytes.Clone(r.take(int(r.uint16())))
		r.bad = r.bad || len(s.prefix) < minInitPrefix || len(s.prefix) > maxPrefix
	}
	if r.bad || len(r.b) != 0 || flags&^stateKnown != 0 {
		return Session{}, ErrState
	}
	return s, nil
}

func (c *chain) decode(r *reader) {
	c.id, c.key, c.n = r.uint32(), r.key(), r.uint32()
	r.bad = r.bad || c.n > maxCounter
}

func (d *double) decode(r *reader, flags uint16) {
	d.root, d.step = r.key(), r.uint32()
	if flags&stateSelf != 0 {
		d.self = &dhKey{secret: r.key(), public: r.array32()}
	}
	d.live = flags&stateLive != 0
	d.remote = r.array32()
	d.send.decode(r)
	d.recv.decode(r)
	d.sendHead, d.recvHead, d.nextSend, d.nextRecv = r.key(), r.key(), r.key(), r.key()
	d.prev = r.uint32()
	for i := range d.resume {
		d.resume[i] = r.key()
	}
	n := int(r.byte())
	r.bad = r.bad || n > MaxOldHeaders || d.live && d.self == nil
	for i := 0; i < n && !r.bad; i++ {
		d.old = append(d.old, oldHead{chain: r.uint32(), key: r.key()})
	}
	d.skipped.decode(r)
}

func (s *skipped) decode(r *reader) {
	n := int(r.uint16())
	if n > MaxStored || n*(16+32) > len(r.b) {
		r.bad = true
		return
	}
	if n > 0 {
		s.blocks = make([]*block, 0, n)
	}
	for i := 0; i < n && !r.bad; i++ {
		b := decodeBlock(r)
		if last := len(s.blocks) - 1; last >= 0 && s.blocks[last].compare(b.chain, b.base) >= 0 {
			r.bad = true
		}
		s.blocks = append(s.blocks, b)
		s.count += len(b.keys)
	}
	r.bad = r.bad || s.count > MaxStored
}

func decodeBlock(r *reader) *block {
	b := &block{chain: r.uint32(), base: r.uint32(), mask: r.uint64()}
	raw := r.take(32 * bits.OnesCount64(b.mask))
	if b.mask == 0 || b.base%window != 0 {
		r.bad = true
	}
	if r.bad {
		return b
	}
	b.keys = make([]key, len(raw)/32)
	for i := range b.keys {
		b.keys[i] = key(raw[32*i:])
	}
	return b
}

func (l *lane) decode(r *reader, flags uint16) {
	l.root, l.epoch = r.key(), r.uint32()
	l.send.decode(r)
	l.recv.decode(r)
	l.nextSend, l.nextRecv = r.key(), r.key()
	l.prev = r.uint32()
	if flags&stateSeed != 0 {
		if raw := r.take(64); raw != nil {
			seed := [64]byte(raw)
			l.seed = &seed
		}
	}
	if flags&statePeerEK != 0 {
		l.peerEK = bytes.Clone(r.take(mlkem.EncapsulationKeySize768))
	}
	l.decodeOut(r, flags)
	l.in.decode(r)
	l.skipped.decode(r)
}

func (l *lane) decodeOut(r *reader, flags uint16) {
	o := &object{kind: objectEK}
	switch flags & (stateOutEK | stateOutCT) {
	case 0:
		return
	case stateOutCT:
		o.kind = objectCT
	case stateOutEK | stateOutCT:
		r.bad = true
	}
	o.epoch, o.tag = r.uint32(), [4]byte(r.fixed(4))
	l.outIdx = r.byte()
	o.bytes = bytes.Clone(r.take(objectLength(o.kind)))
	l.out = o
}

func (g *gathering) decode(r *reader) {
	n := int(r.byte())
	g.tag = [4]byte(r.fixed(4))
	if n >= codeK {
		r.bad = true
		return
	}
	for range n {
		c := &chunk{idx: r.byte()}
		copy(c.data[:], r.take(chunkSize))
		g.have[g.n] = c
		g.n++
	}
	r.bad = r.bad || n == 2 && g.have[0].idx == g.have[1].idx
}
