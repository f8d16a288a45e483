package ratchet

import "bytes"

// Session is the state of one session between two devices. It is a value: no
// method changes it, Seal and Open return the state that follows. It holds
// secrets; see Encode.
type Session struct {
	sid, th   [32]byte
	prefixID  [32]byte
	local     [16]byte // own device
	peer      [16]byte // peer's device
	tags      key      // TK, for mailbox tags
	initiator bool
	prefix    []byte // sent with each message until the peer has answered
	dr        double
	lane      lane
}

// newSession is the state after the handshake, as the responder has it.
func newSession(d derived, th, prefixID [32]byte) Session {
	s := Session{sid: d.sid, th: th, prefixID: prefixID, tags: d.tags}
	s.dr = double{root: d.root, nextSend: d.headB, nextRecv: d.headA}
	s.lane.begin(d.lane, d.sid)
	return s
}

// ID is the same 32 bytes on both sides. It never goes over the wire.
func (s Session) ID() [32]byte { return s.sid }

// PrefixID is Prefix.ID of the handshake the session came from.
func (s Session) PrefixID() [32]byte { return s.prefixID }

// Initiated tells whether this side started the session.
func (s Session) Initiated() bool { return s.initiator }

// Confirmed tells whether the peer has proved that it opened something that
// this side sealed. Until then an initiator repeats the handshake.
func (s Session) Confirmed() bool { return s.dr.recv.id >= 2 }

// ResumeKeys returns the last resume keys (at most 4), newest first;
// spec/ratchet.md#resume-keys.
func (s Session) ResumeKeys() []ResumeKey {
	var out []ResumeKey
	for step := s.dr.step; step > 0 && step+keptResume > s.dr.step; step-- {
		out = append(out, s.resumeKey(step))
	}
	return out
}

// ResumeKey returns the newest resume key that the peer surely has too; none
// as long as nothing was received.
func (s Session) ResumeKey() (ResumeKey, bool) {
	if s.dr.recv.id == 0 {
		return ResumeKey{}, false
	}
	return s.resumeKey(s.dr.recv.id), true
}

func (s *Session) resumeKey(step uint32) ResumeKey {
	return ResumeKey{ResumeRef{Session: s.sid, Step: step}, s.dr.resume[step%keptResume]}
}

// LaneEpoch is the post-quantum epoch in which this side sends.
func (s Session) LaneEpoch() uint32 { return s.lane.send.id }

// PostQuantumVerified tells whether both sides have proved their ML-KEM device
// keys, which is when the lane has reached epoch 1; spec/ratchet.md#epoch-1.
func (s Session) PostQuantumVerified() bool { return s.lane.send.id >= 1 }

// Wins tells which of two sessions that both sides started at once is to be
// sent on: exactly one of a.Wins(b) and b.Wins(a) holds, on both sides the
// same; spec/handshake.md#simultaneous-start.
func (s Session) Wins(other Session) bool {
	a, b := hash(labelWinner, s.sid[:]), hash(labelWinner, other.sid[:])
	return bytes.Compare(a[:], b[:]) < 0
}

// Room is the longest content that Seal takes now: less than MaxContent while
// the handshake goes along.
func (s Session) Room() int { return MaxEnvelope - s.before() - messageSize(0) }

// before is the number of bytes in front of the ratchet message.
func (s *Session) before() int { return max(1, len(s.prefix)) }

// Skipped is the number of message keys kept for messages that have not come.
func (s Session) Skipped() int { return s.dr.skipped.count }

// Mark is a position in what has been received.
type Mark struct{ chain, n, epoch, idx uint32 }

// Mark returns the present position, for a later Forget. As the ratchet has no
// clock, its user takes a mark now and then and notes the time beside it.
func (s Session) Mark() Mark {
	return Mark{s.dr.recv.id, s.dr.recv.n, s.lane.recv.id, s.lane.recv.n}
}

// Forget drops the keys of messages that were skipped before the mark.
func (s Session) Forget(m Mark) Session {
	s.dr.skipped = s.dr.skipped.since(m.chain, m.n)
	s.lane.skipped = s.lane.skipped.since(m.epoch, m.idx)
	s.dr.prune()
	return s
}

// adSize is the length of the longer associated data.
const adSize = len(labelSpace+labelBody) + 2*32 + 16 + sealedHeader

// headerAD is what a header is bound to.
func (s *Session) headerAD(b []byte) []byte {
	b = append(b, labelSpace+labelHeader...)
	return append(b, s.sid[:]...)
}

// bodyAD is what a body is bound to.
func (s *Session) bodyAD(b []byte, sender [16]byte, sealedHeader []byte) []byte {
	b = append(b, labelSpace+labelBody...)
	b = append(append(b, s.th[:]...), s.sid[:]...)
	return append(append(b, sender[:]...), sealedHeader...)
}

// messageKeys joins the keys of both lanes to the key of one message and its
// receipt; spec/ratchet.md#message-keys.
func (s *Session) messageKeys(dmk, pmk key) (mk key, receipt [16]byte) {
	okm := kdf(pmk[:], dmk[:], labelMessage, s.sid[:], 32+16)
	defer clear(okm)
	return key(okm), [16]byte(okm[32:])
}
