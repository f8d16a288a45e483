package dht

import (
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
)

// Protocol identifiers, spec/directory.md#protocols.
const (
	Protocol protocol.ID = "/p2pmsg/dir/1"

	wanPrefix protocol.ID = "/p2pmsg"     // makes /p2pmsg/kad/1.0.0
	lanPrefix protocol.ID = "/p2pmsg/lan" // makes /p2pmsg/lan/kad/1.0.0
)

// Sizes and times of spec/directory.md#limits. They are part of the protocol.
const (
	version   = 1
	algorithm = 1 // Argon2id work, Ed25519 signature, XChaCha20-Poly1305 seal

	headSize = 122      // bytes before the sealed content
	sigSize  = 64       // Ed25519 signature after it
	sealSize = 24 + 16  // nonce and tag around the padded plain text
	maxFrame = 32 << 10 // bytes of one frame
	nonces   = 4        // independent proofs in one record, so that luck averages out

	week = 7 * 24 * time.Hour
	day  = 24 * time.Hour
	// skew is how far clocks may be apart: a record of the neighbouring epoch
	// is accepted, and asked for, this close to the boundary.
	skew = 2 * time.Hour

	maxIntro     = 3         // peers that take introductions, in a claim
	maxDevices   = 8         // devices in a route record
	maxAddrs     = 8         // addresses of one device
	maxAddrSize  = 128       // bytes of one address
	maxManifests = 8         // links of the chain in an account record
	maxAnswers   = 64        // records in the answer to one GET
	maxAnswer    = 256 << 10 // bytes of it that a reader takes
)

// Errors of records and answers. A server names them by status alone.
var (
	ErrMalformed = errors.New("dht: malformed record")
	ErrEpoch     = errors.New("dht: record is not of this time")
	ErrPlace     = errors.New("dht: record belongs to another index")
	ErrRate      = errors.New("dht: too many requests")
	ErrForged    = errors.New("dht: signature does not fit")
	ErrRollback  = errors.New("dht: record is older than one seen before")
	ErrWork      = errors.New("dht: too little work")
	ErrFull      = errors.New("dht: no place left")
	ErrBusy      = errors.New("dht: busy")
	ErrNotFound  = errors.New("dht: not found")
	ErrHandle    = errors.New("dht: claim does not fit the handle")
)

// Kind says what a record is, spec/directory.md#kinds.
type Kind uint8

// The kinds of records.
const (
	KindName    Kind = 1 // an account claims a bare name
	KindFull    Kind = 2 // the same under name~tag
	KindAccount Kind = 3 // manifests and certificates
	KindRoute   Kind = 4 // where the devices are, for contacts
	KindBundle  Kind = 5 // the prekeys of one device
)

// String is for people.
func (k Kind) String() string {
	if r, ok := rules[k]; ok {
		return r.name
	}
	return "unknown"
}

// rule bounds one kind of record.
type rule struct {
	name    string
	max     int           // bytes of the whole record
	pad     int           // plain text is padded to a multiple
	unit    time.Duration // length of an epoch
	lead    time.Duration // the next epoch is published this long before it begins
	life    time.Duration // from issue to expiry, at most
	refresh time.Duration // how often the owner issues it anew
}

var rules = map[Kind]rule{
	KindName:    {"name", 800, 512, week, day, 48 * time.Hour, 8 * time.Hour},
	KindFull:    {"full", 800, 512, week, day, 48 * time.Hour, 8 * time.Hour},
	KindAccount: {"account", 16 << 10, 2 << 10, week, day, 48 * time.Hour, 8 * time.Hour},
	KindRoute:   {"route", 2304, 1 << 10, day, skew, 6 * time.Hour, time.Hour},
	KindBundle:  {"bundle", 4 << 10, 1 << 10, week, day, 48 * time.Hour, 8 * time.Hour},
}

// op is what a request asks for. 4 is reserved for forwarding.
type op uint8

const (
	opGet     op = 1
	opPut     op = 2
	opRefresh op = 3
)

// status is how a request ended.
type status uint8

const (
	statusOK      status = 0 // stored, or the end of what was asked for
	statusRecord  status = 1 // here is one, more may follow
	statusOld     status = 2 // a newer record was seen
	statusFull    status = 3 // no place left: more work may help
	statusWork    status = 4 // too little work
	statusRate    status = 5 // come back later
	statusBusy    status = 6 // come back soon
	statusBad     status = 7 // never acceptable
	statusMissing status = 8 // what was to be refreshed is not held
)

// request is one frame from reader or publisher.
type request struct {
	Op     op       `cbor:"1,keyasint"`
	Index  [32]byte `cbor:"2,keyasint"`
	Kind   Kind     `cbor:"3,keyasint,omitempty"` // of GET; absent: every kind
	Record []byte   `cbor:"4,keyasint,omitempty"` // of PUT
	Hash   []byte   `cbor:"5,keyasint,omitempty"` // of REFRESH, 32 bytes
}

// reply is one frame from the server: for GET one for each record and a last
// one without, for the others a single one.
type reply struct {
	Status status `cbor:"1,keyasint"`
	Record []byte `cbor:"2,keyasint,omitempty"`
	First  uint32 `cbor:"3,keyasint,omitempty"` // unix time at which the server first saw it
	Seq    uint64 `cbor:"4,keyasint,omitempty"` // with statusOld: what it has seen
	Bits   uint8  `cbor:"5,keyasint,omitempty"` // with statusFull or statusWork: what would do
}
