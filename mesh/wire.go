package mesh

import (
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
)

// Constants of the protocol (spec/delivery.md#limits).
const (
	// ProtocolDM delivers envelopes directly.
	ProtocolDM protocol.ID = "/p2pmsg/dm/1"
	// ProtocolPrekey serves prekeys.
	ProtocolPrekey protocol.ID = "/p2pmsg/prekey/1"

	// MaxEnvelope is the largest envelope, in bytes.
	MaxEnvelope = 64 << 10
	// MaxFrame is the largest frame of ProtocolDM: an envelope and the CBOR
	// around it.
	MaxFrame = MaxEnvelope + 32
	// MaxAnswer is the largest frame that answers one: an ack or a refusal.
	MaxAnswer = 64
	// ReceiptSize is the length of a receipt, in bytes.
	ReceiptSize = 16
	// MaxPrekeyRequest and MaxPrekeyResponse bound the frames of ProtocolPrekey.
	MaxPrekeyRequest  = 256
	MaxPrekeyResponse = 64 << 10
	// MaxToken is the longest invite token, in bytes.
	MaxToken = 32
)

// Code says why an envelope or a request was refused (spec/delivery.md#refusals).
type Code uint8

// The refusals.
const (
	// CodeUnknown: no session opens the envelope.
	CodeUnknown Code = 1
	// CodeBusy: try again later, with the same bytes.
	CodeBusy Code = 2
	// CodeDeclined: blocked, over quota, or not wanted; it will not be taken.
	CodeDeclined Code = 3
	// CodeWork: more proof of work is asked for.
	CodeWork Code = 4
	// CodeBad: malformed.
	CodeBad Code = 5

	codeLast = CodeBad
)

// String names the code.
func (c Code) String() string {
	names := [...]string{"none", "unknown", "busy", "declined", "work", "bad"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

var (
	// ErrFrame is a frame that the protocol does not allow.
	ErrFrame = errors.New("mesh: malformed frame")
	// ErrNotAttached means that Run was called before Attach.
	ErrNotAttached = errors.New("mesh: nothing attached")
	// ErrNoAddress means that nobody knows where the device is. A Locator may
	// wrap it.
	ErrNoAddress = errors.New("mesh: no address known")
)

// RefusedError is a request that the other side refused.
type RefusedError struct {
	Code Code
	// Retry is how long to wait before asking again; zero when unknown.
	Retry time.Duration
}

// Error says which refusal it was.
func (e *RefusedError) Error() string { return "mesh: refused: " + e.Code.String() }
