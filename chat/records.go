package chat

import (
	"encoding/binary"
	"time"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// What is on disk. Every record is the canonical CBOR of its struct, but the
// outbox and the index, which are read and written for each message.

type pinRec struct {
	_    struct{} `cbor:",toarray"`
	Seq  uint64
	Hash [32]byte
}

func (p pinRec) pin() identity.Pin { return identity.Pin{Seq: p.Seq, Hash: p.Hash} }

func pinOf(p identity.Pin) pinRec { return pinRec{Seq: p.Seq, Hash: p.Hash} }

// owed is what a contact still has to be told.
type owed uint8

const (
	oweRequest owed = 1 << iota // the contact request
	oweAccept                   // that we accepted
	oweProfile                  // our card
	oweProof                    // our new manifest, with the card
	oweHello                    // any answer, so that the handshake is not repeated
)

type contactRec struct {
	Genesis   [65]byte            `cbor:"1,keyasint"`
	State     ContactState        `cbor:"2,keyasint"`
	Before    ContactState        `cbor:"3,keyasint,omitempty"` // of a blocked one
	Petname   string              `cbor:"4,keyasint,omitempty"`
	Name      string              `cbor:"5,keyasint,omitempty"` // as they call themselves
	Handle    string              `cbor:"6,keyasint,omitempty"`
	Proved    bool                `cbor:"7,keyasint,omitempty"` // Handle fits the account
	Pin       pinRec              `cbor:"8,keyasint"`
	Manifests [][]byte            `cbor:"9,keyasint,omitempty"`  // the newest
	Certs     [][]byte            `cbor:"10,keyasint,omitempty"` // of its devices
	Devices   []identity.DeviceID `cbor:"11,keyasint,omitempty"`
	Verified  bool                `cbor:"12,keyasint,omitempty"`
	Alarm     AlarmReason         `cbor:"13,keyasint,omitempty"`
	Reset     bool                `cbor:"14,keyasint,omitempty"`
	Since     int64               `cbor:"15,keyasint"` // ms
	LastSeen  int64               `cbor:"16,keyasint,omitempty"`
	Greeting  string              `cbor:"17,keyasint,omitempty"`
	Locator   [32]byte            `cbor:"18,keyasint,omitzero"`
	Presence  [32]byte            `cbor:"19,keyasint,omitzero"`
	Intro     [][]byte            `cbor:"20,keyasint,omitempty"` // peers to ask for prekeys
	Addrs     [][]byte            `cbor:"21,keyasint,omitempty"` // of the first of Intro
	Token     []byte              `cbor:"22,keyasint,omitempty"` // of the invite we opened
	Owe       owed                `cbor:"23,keyasint,omitempty"`
	Problem   string              `cbor:"24,keyasint,omitempty"`
	Held      bool                `cbor:"25,keyasint,omitempty"` // messages wait to be sealed
	ResetOK   bool                `cbor:"26,keyasint,omitempty"` // the user lets an unproven session in
	Stale     bool                `cbor:"27,keyasint,omitempty"` // they have a newer manifest than Pin
}

// known says whether the account is one whose device may speak to us without
// proof of work.
func (c *contactRec) known() bool { return c.State == Accepted || c.State == Requested }

type sessionState uint8

const (
	sessionLive        sessionState = iota + 1 // sent on
	sessionReceive                             // lost a simultaneous start, or was replaced
	sessionQuarantined                         // started anew without proof of the old one
)

type sessionRef struct {
	_         struct{} `cbor:",toarray"`
	ID        [32]byte
	State     sessionState
	Created   int64 // ms
	Initiated bool
}

type deviceRec struct {
	Account  identity.AccountID `cbor:"1,keyasint"`
	Peer     []byte             `cbor:"2,keyasint,omitempty"` // told by the device itself
	Addrs    [][]byte           `cbor:"3,keyasint,omitempty"`
	Item     uint64             `cbor:"4,keyasint,omitempty"` // last outbox id
	Sessions []sessionRef       `cbor:"5,keyasint,omitempty"`
	Resets   []int64            `cbor:"6,keyasint,omitempty"` // ms, of the last day
	Strange  uint32             `cbor:"7,keyasint,omitempty"` // envelopes of theirs that do not open
	Refused  uint32             `cbor:"8,keyasint,omitempty"` // handshakes of ours refused in a row
	Stranger bool               `cbor:"9,keyasint,omitempty"` // of a request the user has not answered
	Skipped  []skippedRec       `cbor:"10,keyasint,omitempty"`
}

// skippedRec says since when a session keeps keys of messages that did not come.
type skippedRec struct {
	_       struct{} `cbor:",toarray"`
	Session [32]byte
	Since   int64 // ms
}

// chainRec remembers the end of a peer device's chain of bodies.
type chainRec struct {
	_      struct{} `cbor:",toarray"`
	Device identity.DeviceID
	Links  []linkRec // ascending, the last chainWindow
}

type linkRec struct {
	_    struct{} `cbor:",toarray"`
	Seq  uint64
	Hash [16]byte
}

type conversationRec struct {
	Peer    identity.AccountID `cbor:"1,keyasint"`
	Lamport uint64             `cbor:"2,keyasint,omitempty"`
	DevSeq  uint64             `cbor:"3,keyasint,omitempty"`
	DevPrev [32]byte           `cbor:"4,keyasint,omitzero"`
	Heads   []MessageID        `cbor:"5,keyasint,omitempty"`
	Chains  []chainRec         `cbor:"6,keyasint,omitempty"`
	Unread  uint64             `cbor:"7,keyasint,omitempty"`
	ReadTo  order              `cbor:"8,keyasint"`
	Muted   int64              `cbor:"9,keyasint,omitempty"` // ms
	Updated int64              `cbor:"10,keyasint,omitempty"`
}

type deliveryRec struct {
	_      struct{} `cbor:",toarray"`
	Device identity.DeviceID
	State  MessageState
	At     int64 // ms
	Path   string
	Reason string
}

// messageRec keeps the body as it was sealed or opened: a message that must be
// sealed again is the same bytes, so its chain still holds.
type messageRec struct {
	Body       []byte        `cbor:"1,keyasint"`
	Outgoing   bool          `cbor:"2,keyasint,omitempty"`
	State      MessageState  `cbor:"3,keyasint"`
	Wall       int64         `cbor:"4,keyasint"`           // ms, clamped
	Received   int64         `cbor:"5,keyasint,omitempty"` // ms
	Deliveries []deliveryRec `cbor:"6,keyasint,omitempty"`
}

type inviteRec struct {
	Token   [tokenSize]byte      `cbor:"1,keyasint"`
	URI     string               `cbor:"2,keyasint"`
	Expires int64                `cbor:"3,keyasint"` // s
	Uses    uint32               `cbor:"4,keyasint"`
	Used    uint32               `cbor:"5,keyasint,omitempty"`
	Created int64                `cbor:"6,keyasint"` // ms
	Revoked bool                 `cbor:"7,keyasint,omitempty"`
	By      []identity.AccountID `cbor:"8,keyasint,omitempty"`
}

// outKind says what an outbox entry carries, so that it can be made again.
type outKind uint8

const (
	outText    outKind = 1
	outControl outKind = 2
)

// outRec is an outbox entry, kind 1 | owed 1 | session 32 | receipt 16 |
// conversation 16 | lamport 8 | message 16 | envelope.
type outRec struct {
	Kind     outKind
	Owed     owed
	Session  [32]byte
	Receipt  [16]byte
	Conv     ConversationID
	Order    order
	Envelope []byte
}

const outHeader = 1 + 1 + 32 + 16 + 16 + 8 + 16

func (o outRec) encode() []byte {
	b := make([]byte, 0, outHeader+len(o.Envelope))
	b = append(b, byte(o.Kind), byte(o.Owed))
	b = append(b, o.Session[:]...)
	b = append(b, o.Receipt[:]...)
	b = append(b, o.Conv[:]...)
	b = append(b, o.Order.tail()...)
	return append(b, o.Envelope...)
}

func decodeOut(b []byte) (outRec, error) {
	if len(b) < outHeader {
		return outRec{}, malformed("outbox entry")
	}
	o := outRec{Kind: outKind(b[0]), Owed: owed(b[1])}
	copy(o.Session[:], b[2:])
	copy(o.Receipt[:], b[34:])
	copy(o.Conv[:], b[50:])
	o.Order, _ = orderOf(b[66:90])
	o.Envelope = b[outHeader:]
	return o, nil
}

// indexRec finds a message by its id: conversation 16 | lamport 8. Lamport 0
// is a message that was cleared, remembered only to be known again.
type indexRec struct {
	Conv    ConversationID
	Lamport uint64
}

func (r indexRec) encode() []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), r.Conv[:]...), r.Lamport)
}

func decodeIndex(b []byte) (indexRec, error) {
	if len(b) != 24 {
		return indexRec{}, malformed("index entry")
	}
	return indexRec{ConversationID(b[:16]), binary.BigEndian.Uint64(b[16:])}, nil
}

func ms(t time.Time) int64 { return t.UnixMilli() }

func fromMS(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}
