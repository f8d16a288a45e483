package ratchet

import "encoding/binary"

// Opened is the content of an envelope.
type Opened struct {
	Content []byte
	Receipt [16]byte // proves to the sender that the message was opened
	Control bool     // a message of the ratchet itself, without content
}

// Open decrypts an envelope and returns the state that follows, which must be
// on disk before the content is used; spec/ratchet.md#opening. On an error the
// state given stands. An init envelope is opened by the session that its
// handshake made. Errors: ErrMalformed, ErrNotMine, ErrDuplicate, ErrSkip,
// ErrCorrupt.
func (s Session) Open(env []byte) (Session, Opened, error) {
	kind, err := EnvelopeKind(env)
	if err != nil {
		return s, Opened{}, err
	}
	if kind == KindMessage {
		return s.openMessage(env[1:])
	}
	p, err := ParsePrefix(env)
	if err != nil {
		return s, Opened{}, err
	}
	if s.initiator || p.ID != s.prefixID {
		return s, Opened{}, ErrNotMine
	}
	return s.openMessage(p.rest)
}

// openMessage opens nonce, header and body. It works on its own copy of s and
// gives the other one back when anything fails.
func (s Session) openMessage(msg []byte) (Session, Opened, error) {
	was := s
	ad := make([]byte, 0, adSize)
	nonce, sealed := msg[:nonceSize], msg[nonceSize:][:sealedHeader]
	h, w, err := s.dr.openHeader(nonce, sealed, s.headerAD(ad))
	if err != nil {
		return was, Opened{}, err
	}
	mk, receipt, err := s.keysFor(&h, w)
	if err != nil {
		return was, Opened{}, err
	}
	defer clear(mk[:])
	body, err := openTo(nil, &mk, nonce, msg[nonceSize+sealedHeader:], s.bodyAD(ad, s.peer, sealed))
	if err != nil {
		return was, Opened{}, ErrCorrupt
	}
	opened := Opened{Receipt: receipt, Control: h.flags&flagControl != 0}
	if !s.finish(&h, body, &opened) {
		return was, Opened{}, ErrCorrupt
	}
	return s, opened, nil
}

// keysFor takes the key of the message off both lanes.
func (s *Session) keysFor(h *header, w which) (mk key, receipt [16]byte, err error) {
	dmk, err := s.dr.messageKey(h, w)
	if err != nil {
		return mk, receipt, err
	}
	pmk, err := s.lane.messageKey(h)
	if err != nil {
		return mk, receipt, err
	}
	mk, receipt = s.messageKeys(dmk, pmk)
	return mk, receipt, nil
}

// finish takes the opened body apart and lets the lane have its pieces.
func (s *Session) finish(h *header, body []byte, out *Opened) bool {
	n := binary.BigEndian.Uint32(body)
	if uint64(n) > uint64(len(body)-4) || !allZero(body[4+n:]) {
		return false
	}
	content := body[4 : 4+n : 4+n]
	if s.Confirmed() {
		s.prefix = nil
	}
	s.lane.accept(&h.piece, s.sid)
	if !out.Control {
		out.Content = content
		return true
	}
	return s.lane.acceptBurst(&h.piece, content, s.sid)
}
