package node

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"
)

// StreamLimits bound one protocol's incoming streams. A stream beyond them is
// reset before the handler sees it.
type StreamLimits struct {
	// Concurrent is how many may be open at once, over all peers.
	Concurrent int
	// PerPeer is how many one peer may have open at once.
	PerPeer int
	// Rate is how many one peer may open a second, sustained; Burst at once.
	Rate  float64
	Burst int
	// Deadline is how long a stream may take as a whole. Zero leaves a
	// long-lived stream to the deadlines of its FrameReader and FrameWriter.
	Deadline time.Duration
	// FrameMax is the longest frame in bytes; that much memory is reserved
	// with the resource manager while the stream lives.
	FrameMax int
	// Limited accepts streams over a limited (relayed, metered) connection.
	Limited bool
}

// gate counts one protocol's incoming streams. Its zero value is not ready.
type gate struct {
	limits StreamLimits

	mu    sync.Mutex
	open  int
	peers map[peer.ID]*visitor
	sweep int // length of peers at which the idle ones are dropped
}

// visitor is what a gate knows of one peer.
type visitor struct {
	open int
	pace *rate.Limiter
}

const sweepMin = 64

func newGate(l StreamLimits) *gate {
	return &gate{limits: l, peers: map[peer.ID]*visitor{}, sweep: sweepMin}
}

// refusal says why a stream may not enter.
type refusal string

const (
	admitted  refusal = ""
	tooMany   refusal = "too many streams"
	tooFast   refusal = "too fast"
	notDirect refusal = "limited connection"
)

// enter admits a stream of the peer, which then must leave, or says why not.
// Peers are told apart by their ID alone: addresses are the resource manager's
// affair, and the total holds against many IDs.
func (g *gate) enter(id peer.ID, limited bool, now time.Time) refusal {
	if limited && !g.limits.Limited {
		return notDirect
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visitorLocked(id, now)
	switch {
	case !v.pace.AllowN(now, 1):
		return tooFast
	case v.open >= g.limits.PerPeer || g.open >= g.limits.Concurrent:
		return tooMany
	}
	v.open++
	g.open++
	return admitted
}

// leave takes a stream out that entered.
func (g *gate) leave(id peer.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if v := g.peers[id]; v != nil {
		v.open--
	}
}

func (g *gate) visitorLocked(id peer.ID, now time.Time) *visitor {
	if v := g.peers[id]; v != nil {
		return v
	}
	if len(g.peers) >= g.sweep {
		g.sweepLocked(now)
	}
	v := &visitor{pace: rate.NewLimiter(rate.Limit(g.limits.Rate), g.limits.Burst)}
	g.peers[id] = v
	return v
}

// sweepLocked forgets peers whose allowance is full again, so that the table
// stays in proportion to those who come. Sweeping at twice what was left makes
// its cost constant for each newcomer.
func (g *gate) sweepLocked(now time.Time) {
	for id, v := range g.peers {
		if v.open == 0 && v.pace.TokensAt(now) >= float64(g.limits.Burst) {
			delete(g.peers, id)
		}
	}
	g.sweep = max(sweepMin, 2*len(g.peers))
}
