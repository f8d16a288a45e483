package ratchet

import "crypto/mlkem"

// gathering collects the pieces of one object of the peer.
type gathering struct {
	tag  [4]byte
	have [codeK]*chunk
	n    int
}

// add puts a piece in place. Pieces of another object displace what there is:
// the peer has gone back to an older state and started again.
func (g *gathering) add(p *piece) {
	if g.n > 0 && g.tag != p.tag {
		*g = gathering{}
	}
	for _, c := range g.have[:g.n] {
		if c.idx == p.idx {
			return
		}
	}
	if g.n < codeK {
		g.tag = p.tag
		g.have[g.n] = &chunk{idx: p.idx, data: p.data}
		g.n++
	}
}

// accept takes a piece of an authentic message. What does not lead to the next
// epoch is of an earlier one and is left.
func (l *lane) accept(p *piece, sid [32]byte) {
	if p.epoch != l.epoch+1 || l.recv.id != l.epoch {
		return
	}
	switch {
	case p.kind == objectEK && !l.sendsKey(p.epoch) && l.peerEK == nil:
		l.acceptEK(p)
	case p.kind == objectCT && l.sendsKey(p.epoch) && l.seed != nil:
		l.acceptCT(p, sid)
	}
}

// acceptEK takes a piece of the peer's key; the next Seal answers a whole one.
func (l *lane) acceptEK(p *piece) {
	l.in.add(p)
	if l.in.n < codeK {
		return
	}
	object := decodeChunks(l.in.have)
	ek := object[:mlkem.EncapsulationKeySize768]
	sum := hash(labelLaneEK, ek)
	if [4]byte(sum[:]) == l.in.tag && allZero(object[len(ek):]) {
		l.peerEK = ek
	}
	l.in = gathering{}
}

// acceptCT takes a piece of the ciphertext to our key. The first one shows
// that the peer has the key; the third one completes the epoch.
func (l *lane) acceptCT(p *piece, sid [32]byte) {
	l.out, l.outIdx = nil, 0
	l.in.add(p)
	if l.in.n < codeK {
		return
	}
	object, tag := decodeChunks(l.in.have), l.in.tag
	l.in = gathering{}
	ct := object[:mlkem.CiphertextSize768]
	shared, ek, err := decaps768(l.seed, ct)
	if err != nil {
		return
	}
	ekHash := hash(labelLaneEK, ek)
	ctHash := hash(labelLaneCT, ekHash[:], ct)
	if [4]byte(ctHash[:]) != tag || !allZero(object[len(ct):]) {
		return
	}
	l.install(l.epoch+1, l.root, shared, ekHash, ctHash, sid)
	l.seed = nil
	l.switchSend()
}

// acceptBurst takes the pieces in a control message, which belong to the same
// object as the one in its header.
func (l *lane) acceptBurst(head *piece, content []byte, sid [32]byte) bool {
	const size = 1 + chunkSize
	if len(content)%size != 0 || len(content) > burstPieces*size {
		return false
	}
	for ; len(content) > 0; content = content[size:] {
		p := *head
		p.idx, p.data = content[0], [chunkSize]byte(content[1:])
		l.accept(&p, sid)
	}
	return true
}
