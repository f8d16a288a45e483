package ratchet

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Sealed is an envelope ready to be sent.
type Sealed struct {
	Envelope []byte
	Receipt  [16]byte // what the peer can give back only once it opened the message
}

// Seal encrypts content (at most Room bytes) and returns the state that
// follows; spec/ratchet.md#sealing. That state must be on disk before the
// envelope leaves the process. Errors: ErrTooBig, ErrExhausted, and what rand
// returns.
func (s Session) Seal(rand io.Reader, content []byte) (Session, Sealed, error) {
	return s.seal(rand, content, false)
}

// SealControl seals a message without content, which carries as many pieces of
// the post-quantum lane as are of use. It moves the ratchet and the lane on
// while nobody writes.
func (s Session) SealControl(rand io.Reader) (Session, Sealed, error) {
	return s.seal(rand, nil, true)
}

// seal works on its own copy of s.
func (s Session) seal(rand io.Reader, content []byte, control bool) (Session, Sealed, error) {
	was := s
	if len(content) > s.Room() {
		return was, Sealed{}, ErrTooBig
	}
	if err := s.ready(rand); err != nil {
		return was, Sealed{}, err
	}
	h := s.header(control)
	if control {
		content = s.lane.burst()
	}
	at := s.before()
	size := MinMessage
	if s.prefix != nil {
		size = MinInit
	}
	env := make([]byte, envelopeSize(at+messageSize(len(content)), size))
	env[0] = byte(KindMessage)
	copy(env, s.prefix)
	receipt, err := s.write(rand, env[at:], &h, content)
	if err != nil {
		return was, Sealed{}, err
	}
	return s, Sealed{Envelope: env, Receipt: receipt}, nil
}

// ready makes sure that there is a chain to seal on.
func (s *Session) ready(rand io.Reader) error {
	if !s.dr.live {
		if err := s.dr.turnSend(rand); err != nil {
			return err
		}
	}
	if err := s.lane.prepare(rand, s.sid); err != nil {
		return err
	}
	if s.dr.send.n >= maxCounter-1 || s.lane.send.n >= maxCounter-1 || s.lane.epoch >= maxCounter-2 {
		return ErrExhausted
	}
	return nil
}

// header describes the next message and takes its piece of the lane.
func (s *Session) header(control bool) header {
	h := header{
		dh: s.dr.self.public, pn: s.dr.prev, n: s.dr.send.n,
		epoch: s.lane.send.id, idx: s.lane.send.n, pqpn: s.lane.prev,
	}
	if control {
		h.flags = flagControl
	}
	s.lane.nextPiece(&h.piece)
	return h
}

// write seals header and content into msg, which is zero and just as long as
// the message is to be: nonce, header, body.
func (s *Session) write(rand io.Reader, msg []byte, h *header, content []byte) (receipt [16]byte, err error) {
	nonce, body := msg[:nonceSize], nonceSize+sealedHeader
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return receipt, fmt.Errorf("ratchet: draw nonce: %w", err)
	}
	ad := make([]byte, 0, adSize)
	h.encode(msg[nonceSize:][:headerSize])
	sealTo(msg[:nonceSize], &s.dr.sendHead, nonce, msg[nonceSize:][:headerSize], s.headerAD(ad))

	binary.BigEndian.PutUint32(msg[body:], uint32(len(content)))
	copy(msg[body+4:], content)
	mk, receipt := s.messageKeys(s.dr.send.next(), s.lane.send.next())
	sealTo(msg[:body], &mk, nonce, msg[body:len(msg)-tagSize], s.bodyAD(ad, s.local, msg[nonceSize:body]))
	clear(mk[:])
	return receipt, nil
}
