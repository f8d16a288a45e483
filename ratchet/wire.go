package ratchet

import "errors"

// Kind is the first byte of an envelope.
type Kind byte

const (
	// KindInit is an envelope that carries a handshake prefix and a message.
	KindInit Kind = 0x01
	// KindMessage is an envelope of an established session.
	KindMessage Kind = 0x02
)

// Suite is the only cipher suite of this version; any other one is refused.
const Suite uint16 = 0x0001

// Sizes of the protocol, in bytes; spec/handshake.md#wire-format and
// spec/ratchet.md#wire-format.
const (
	MaxIdentity  = 6 << 10  // identity blob of an Initiator
	MaxToken     = 32       // invite token
	MaxEnvelope  = 64 << 10 // largest envelope of either kind
	MinInit      = 8 << 10  // smallest init envelope
	MinMessage   = 1 << 10  // smallest message envelope
	MaxContent   = MaxEnvelope - messageOverhead
	chunkSize    = 400 // one erasure-coded piece of a lane object
	headerSize   = 464
	nonceSize    = 24
	tagSize      = 16
	sealedHeader = headerSize + tagSize
	// messageOverhead: kind 1, nonce, sealed header, length 4, body tag.
	messageOverhead = 1 + nonceSize + sealedHeader + 4 + tagSize
)

// Limits of what a peer can make us do; spec/ratchet.md#limits.
const (
	MaxSkip       = 1000 // keys skipped in one step of one chain
	MaxStored     = 2000 // skipped keys kept per session, in each lane
	MaxOldHeaders = 5    // earlier header keys tried, so at most 7 trials
	maxCounter    = 1 << 31
)

// Faults. To the network all of them must look alike; spec/ratchet.md#errors.
var (
	ErrMalformed = errors.New("ratchet: malformed envelope")
	ErrHandshake = errors.New("ratchet: handshake failed")
	ErrNotMine   = errors.New("ratchet: no header key opens the envelope")
	ErrDuplicate = errors.New("ratchet: message was opened before, or its key is gone")
	ErrSkip      = errors.New("ratchet: message skips too many keys")
	ErrCorrupt   = errors.New("ratchet: message does not open")
	ErrTooBig    = errors.New("ratchet: content is too big")
	ErrInput     = errors.New("ratchet: invalid key or option")
	ErrExhausted = errors.New("ratchet: chain is exhausted")
	ErrState     = errors.New("ratchet: invalid encoded session")
)
