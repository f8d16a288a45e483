package mesh

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
)

// Dest is where a device is believed to be.
type Dest struct {
	Device identity.DeviceID
	// Peer is the libp2p peer the device runs as.
	Peer peer.ID
	// Addrs are the last known addresses, without /p2p. May be empty.
	Addrs []multiaddr.Multiaddr
}

// Item is one envelope of the outbox, for one device.
type Item struct {
	// ID is the outbox id: not zero, ascending per device.
	ID uint64
	// Envelope is the sealed message, 1 to MaxEnvelope bytes. It is not
	// changed by mesh and must not be changed by the caller.
	Envelope []byte
}

// Verdict is the answer to one received envelope.
type Verdict struct {
	// Receipt proves to the sender that the envelope was opened. It counts
	// only when Refuse is zero.
	Receipt [ReceiptSize]byte
	// Refuse is zero when the envelope was taken.
	Refuse Code
}

// Ack is what became of one item.
type Ack struct {
	// ID is the outbox id of the item.
	ID uint64
	// Receipt is what the receiver sent; unchecked. Zero when Refused.
	Receipt [ReceiptSize]byte
	// Path is the way the answer came.
	Path Path
	// Refused is zero when the receiver says it took the envelope. It is never
	// CodeBusy: that is retried here.
	Refused Code
}

// Upper is what mesh asks of the floor above.
type Upper interface {
	// Receive takes envelopes that arrived from one peer, in the order of
	// their sending, and commits before it returns one verdict for each. An
	// envelope that was taken before gets the same receipt again and is not
	// shown again. A verdict that is missing counts as CodeBusy; after the
	// first CodeBusy in a batch all later ones must be CodeBusy too, so that
	// order is kept. Calls for one peer do not overlap. The slices belong to
	// the callee.
	Receive(ctx context.Context, from peer.ID, envs [][]byte) []Verdict
	// Pending reads at most limit items of the outbox of a device with an ID
	// above after, ascending: those that no answer settled yet.
	Pending(device identity.DeviceID, after uint64, limit int) ([]Item, error)
	// Settled reports answers. It checks the receipts and commits before it
	// returns; an ID that it does not know any more is nothing new.
	Settled(device identity.DeviceID, acks []Ack)
}

// LinkWatcher is an Upper that wants to know who is there.
type LinkWatcher interface {
	// LinkChanged tells that Connected or Path of a link changed. It must not
	// block, and must not call Mesh back.
	LinkChanged(s LinkState)
}

// Locator looks up where a device is now. It is asked when the known addresses
// fail, seldom, and may take seconds.
type Locator interface {
	Locate(ctx context.Context, device identity.DeviceID) (Dest, error)
}

// PrekeySource answers requests for prekeys. It must refuse a token that it did
// not give out. A *RefusedError reaches the requester; any other error does so
// as CodeDeclined, so that a wrong proof and an unknown account look alike.
type PrekeySource interface {
	Prekeys(ctx context.Context, from peer.ID, req PrekeyRequest) (PrekeyResponse, error)
}

// Carrier is one way to get envelopes to devices. Carriers share the outbox:
// each reads Upper.Pending by itself and reports to Upper.Settled, and the
// first answer wins. meshtest.Run is what each must pass.
type Carrier interface {
	// Run carries until ctx ends, and returns when all it started has ended.
	Run(ctx context.Context, up Upper) error
	// Push hands over items that were just committed, in ascending order. It
	// never blocks; what a carrier does not keep it finds in Upper.Pending.
	Push(device identity.DeviceID, items ...Item)
	// State says how this way to a device stands.
	State(device identity.DeviceID) LinkState
}

// Path is the way an answer came.
type Path string

// The ways. PathNone is the zero value: no way now.
const (
	PathNone        Path = ""
	PathDirect      Path = "direct"
	PathHolePunched Path = "holepunched"
	PathRelayed     Path = "relayed"
	PathMailbox     Path = "mailbox"
	PathCarried     Path = "carried"
	PathFile        Path = "file"
)

// Obstacle is what is in the way of delivery, as a kind that does not change
// with versions; LinkState.LastError has the particulars.
type Obstacle string

// The obstacles. ObstacleNone: nothing is in the way.
const (
	ObstacleNone        Obstacle = ""
	ObstacleUnknown     Obstacle = "unknown device"  // no SetDest for it
	ObstacleConnecting  Obstacle = "connecting"      // an attempt is going on
	ObstacleNoAddress   Obstacle = "no address"      // nobody knows where it is
	ObstacleUnreachable Obstacle = "unreachable"     // addresses are known, none answers
	ObstacleProtocol    Obstacle = "other protocol"  // it answers, but does not speak ours
	ObstacleBusy        Obstacle = "busy"            // it asked us to try later
	ObstacleSilent      Obstacle = "silent"          // it takes envelopes and does not answer
	ObstacleClosed      Obstacle = "connection lost" // the stream ended under us
	ObstacleOutbox      Obstacle = "outbox"          // our own outbox cannot be read
)

// LinkState answers "why is it not delivered?" for one device.
type LinkState struct {
	Device identity.DeviceID
	// Connected is true while a stream to the device is open.
	Connected bool
	// Path is how that stream runs; PathNone when not connected.
	Path Path
	// Obstacle is what is in the way; ObstacleNone when connected and moving.
	Obstacle Obstacle
	// LastError is the last failure, for a log or a curious user; it stays
	// until envelopes move again.
	LastError string
	// NextTry is when the next attempt starts by itself; zero when connected,
	// trying, or waiting for something to send.
	NextTry time.Time
	// Since is when Connected last changed.
	Since time.Time
	// Attempts counts failures since envelopes last moved.
	Attempts int
	// InFlight is how many envelopes are sent and not answered; Queued how
	// many more are held in memory. The outbox may hold more than that.
	InFlight, Queued int
}
