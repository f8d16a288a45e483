package ratchet

import (
	"crypto/mlkem"
	"encoding/binary"
	"fmt"
	"io"
)

// objectKind says what the lane carries.
type objectKind byte

const (
	objectNone objectKind = iota
	objectEK              // an encapsulation key
	objectCT              // a ciphertext
)

// piece is one chunk of an object, as a header carries it.
type piece struct {
	kind  objectKind
	idx   byte
	epoch uint32  // that the object leads to
	tag   [4]byte // of the object, so that pieces of two never mix
	data  [chunkSize]byte
}

// object is what is being sent. It is never changed once made.
type object struct {
	kind  objectKind
	epoch uint32
	tag   [4]byte
	bytes []byte
}

// lane is the post-quantum ratchet beside the Double Ratchet;
// spec/ratchet.md#post-quantum-lane. Epoch t is agreed with an ML-KEM-768 key
// that the initiator sends for odd t, the responder for even t, and a
// ciphertext that the other one sends back, both in pieces:
//
//	key sender:    send EK ──first CT piece──► wait ──3 CT pieces──► send on t
//	other side:    3 EK pieces ──► know t, send CT on t-1 ──message on t──► send on t
type lane struct {
	initiator bool
	root      key    // PQRK of epoch
	epoch     uint32 // newest epoch known
	send      chain  // one epoch behind until the peer has shown that it knows epoch
	recv      chain  // one epoch behind until the peer sends in epoch
	nextSend  key    // chain of epoch, while send is behind
	nextRecv  key    // chain of epoch, while recv is behind
	prev      uint32 // messages sent in the epoch before send's

	out    *object   // what we send pieces of
	outIdx byte      // number of the next piece
	seed   *[64]byte // of the key we sent for epoch+1
	in     gathering // pieces of the peer's object for epoch+1
	peerEK []byte    // the peer's key for epoch+1, to be answered by the next Seal

	skipped skipped
}

// begin makes epoch 0 from PQK0.
func (l *lane) begin(first key, sid [32]byte) {
	l.install(0, first, key{}, [32]byte{}, [32]byte{}, sid)
	l.send.key, l.recv.key = l.nextSend, l.nextRecv
	l.nextSend, l.nextRecv = key{}, key{}
}

// waitStatic makes an initiator wait for the ciphertext to its device key,
// which the peer has from the certificate. begin has run as for a responder.
func (l *lane) waitStatic(seed *[64]byte) {
	own := *seed
	l.initiator, l.seed = true, &own
	l.send.key, l.recv.key = l.recv.key, l.send.key
}

// answerStatic makes a responder encapsulate to the initiator's device key.
func (l *lane) answerStatic(ek []byte) { l.peerEK = append([]byte(nil), ek...) }

// install derives an epoch from the one before; spec/ratchet.md#epochs.
func (l *lane) install(t uint32, prev, shared key, ekHash, ctHash, sid [32]byte) {
	ctx := binary.BigEndian.AppendUint32(make([]byte, 0, 4+3*32), t)
	ctx = append(append(append(ctx, ekHash[:]...), ctHash[:]...), sid[:]...)
	okm := kdf(prev[:], shared[:], labelLaneRoot, ctx, 3*32)
	defer clear(okm)
	l.epoch, l.root = t, key(okm)
	l.nextSend, l.nextRecv = key(okm[64:]), key(okm[32:])
	if l.initiator {
		l.nextSend, l.nextRecv = l.nextRecv, l.nextSend
	}
	l.in = gathering{}
}

// sendsKey tells whether we send the key for an epoch.
func (l *lane) sendsKey(epoch uint32) bool { return (epoch%2 == 1) == l.initiator }

// switchSend goes over to sending in the newest epoch.
func (l *lane) switchSend() {
	l.prev = l.send.n
	l.send, l.nextSend = chain{id: l.epoch, key: l.nextSend}, key{}
	l.out, l.outIdx = nil, 0
}

// prepare does what wants randomness before a message is sealed: it answers a
// key that has come, or makes ours for the next epoch.
func (l *lane) prepare(rand io.Reader, sid [32]byte) error {
	if l.peerEK != nil {
		l.answer(encapsulatorOf(rand), sid)
		return nil
	}
	if l.seed == nil && l.send.id == l.epoch && l.recv.id == l.epoch && l.sendsKey(l.epoch+1) {
		return l.offer(rand)
	}
	return nil
}

// answer encapsulates to the peer's key. We know the new epoch then, but go on
// sending in the old one until the peer shows that it got there. A key that
// cannot be used is dropped: the lane stands still, and the session goes on.
func (l *lane) answer(kem encapsulator, sid [32]byte) {
	ek := l.peerEK
	l.peerEK = nil
	shared, ct, err := kem.encaps768(ek)
	if err != nil {
		return
	}
	ekHash := hash(labelLaneEK, ek)
	ctHash := hash(labelLaneCT, ekHash[:], ct)
	l.install(l.epoch+1, l.root, shared, ekHash, ctHash, sid)
	l.out = &object{kind: objectCT, epoch: l.epoch, tag: [4]byte(ctHash[:]), bytes: ct}
	l.outIdx = 0
}

// offer makes our key for the next epoch.
func (l *lane) offer(rand io.Reader) error {
	seed := new([64]byte)
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return fmt.Errorf("ratchet: draw lane key: %w", err)
	}
	dk, err := mlkem.NewDecapsulationKey768(seed[:])
	if err != nil {
		return fmt.Errorf("ratchet: make lane key: %w", err)
	}
	ek := dk.EncapsulationKey().Bytes()
	tag := hash(labelLaneEK, ek)
	l.seed, l.outIdx = seed, 0
	l.out = &object{kind: objectEK, epoch: l.epoch + 1, tag: [4]byte(tag[:]), bytes: ek}
	return nil
}

// nextPiece fills in the next piece of what we send, if there is anything.
func (l *lane) nextPiece(p *piece) {
	if l.out == nil {
		return
	}
	p.kind, p.epoch, p.tag, p.idx = l.out.kind, l.out.epoch, l.out.tag, l.outIdx
	encodeChunk(&p.data, l.out.bytes, p.idx)
	l.outIdx++
}

// burstPieces is how many pieces a control message has beside its header's.
const burstPieces = codeK - 1

// burst is the content of a control message.
func (l *lane) burst() []byte {
	var out []byte
	for range burstPieces {
		var p piece
		if l.nextPiece(&p); p.kind != objectNone {
			out = append(append(out, p.idx), p.data[:]...)
		}
	}
	return out
}

// messageKey takes the lane's key of the message with this header.
func (l *lane) messageKey(h *header) (k key, err error) {
	if h.epoch == l.recv.id+1 && l.recv.id < l.epoch {
		if err = l.turnRecv(h.pqpn); err != nil {
			return k, err
		}
	}
	switch {
	case h.epoch > l.recv.id:
		return k, ErrCorrupt
	case h.epoch < l.recv.id || h.idx < l.recv.n:
		return l.takeSkipped(h.epoch, h.idx)
	}
	// A chain of the lane goes on over turns of the Double Ratchet, so one
	// message may skip what is left of two chains there.
	if l.skipped, err = l.recv.skipTo(h.idx, 2*MaxSkip, l.skipped); err != nil {
		return k, err
	}
	return l.recv.next(), nil
}

// turnRecv closes the receiving chain at pn and goes over to the newest epoch.
// That the peer sends in it shows that we may.
func (l *lane) turnRecv(pn uint32) (err error) {
	if l.skipped, err = l.recv.skipTo(pn, 2*MaxSkip, l.skipped); err != nil {
		return err
	}
	l.recv, l.nextRecv = chain{id: l.epoch, key: l.nextRecv}, key{}
	if l.send.id < l.epoch {
		l.switchSend()
	}
	return nil
}

// takeSkipped takes a key that was put aside.
func (l *lane) takeSkipped(epoch, idx uint32) (key, error) {
	k, ok := l.skipped.get(epoch, idx)
	if !ok {
		return key{}, ErrDuplicate
	}
	l.skipped = l.skipped.without(epoch, idx)
	return k, nil
}
