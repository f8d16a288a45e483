package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

// bootstrap keeps the node connected: while fewer than Limits.WantPeers are, it
// dials those the user named, those of earlier runs, and the seeds. It rests,
// without any timer, as long as there are enough. Run once.
//
//	        enough peers
//	rest <----------------- round
//	  |                     ^   |
//	  | a peer went         |   | too few
//	  +--------------> wait +<--+
//	                   pause, doubled; cut short when our addresses change
func (n *Node) bootstrap(ctx context.Context) {
	pause := time.Duration(0)
	for {
		if n.enough() {
			pause = 0
			if !waitFor(ctx, n.peers.low, 0) {
				return
			}
			continue
		}
		n.round(ctx)
		pause = n.nextPause(pause)
		if n.enough() {
			continue
		}
		if !n.waitPause(ctx, &pause) {
			return
		}
	}
}

func (n *Node) enough() bool { return n.peers.count() >= n.cfg.Limits.WantPeers }

func (n *Node) nextPause(last time.Duration) time.Duration {
	most := dialFew
	if n.peers.count() == 0 {
		most = dialAlone
	}
	return min(max(dialPause, 2*last), most)
}

// waitPause waits until the next round is due. New addresses mean another
// network: everything may be reachable again, at once.
func (n *Node) waitPause(ctx context.Context, pause *time.Duration) bool {
	t := time.NewTimer(*pause - time.Duration(rand.Int64N(int64(*pause)/4)))
	defer t.Stop()
	select {
	case <-n.moved:
		*pause = 0
		return true
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// waitFor waits for a note, or d when that is not zero; false when ctx ended.
func waitFor(ctx context.Context, note <-chan struct{}, d time.Duration) bool {
	var due <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-note:
		return true
	case <-due:
		return true
	case <-ctx.Done():
		return false
	}
}

// round dials until enough peers are connected or nobody is left to dial. The
// seeds are a common good and come last.
func (n *Node) round(ctx context.Context) {
	known := n.cache.candidates()
	n.dialAll(ctx, append(append([]peer.AddrInfo{}, n.cfg.Bootstrap...), known[:min(len(known), dialRound)]...))
	if !n.enough() {
		n.dialAll(ctx, shuffled(n.cfg.Seeds))
	}
}

func shuffled(in []peer.AddrInfo) []peer.AddrInfo {
	out := append([]peer.AddrInfo{}, in...)
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// dialAll dials in the order given, Limits.DialParallel at once.
func (n *Node) dialAll(ctx context.Context, list []peer.AddrInfo) {
	todo := make(chan peer.AddrInfo)
	var workers sync.WaitGroup
	for range min(n.cfg.Limits.DialParallel, len(list)) {
		workers.Go(func() {
			for ai := range todo {
				n.tryPeer(ctx, ai)
			}
		})
	}
	for _, ai := range list {
		if ctx.Err() != nil || n.enough() {
			break
		}
		if ai.ID != n.host.ID() && !n.peers.state(ai.ID).Connected {
			todo <- ai
		}
	}
	close(todo)
	workers.Wait()
}

// tryPeer dials a peer. That it failed is held against it only while somebody
// else can be reached: when nobody can, it is our network that is at fault.
func (n *Node) tryPeer(ctx context.Context, ai peer.AddrInfo) {
	err := n.Connect(ctx, ai)
	if err == nil || ctx.Err() != nil {
		return
	}
	n.log.Debug("dial failed", "peer", short(ai.ID), "error", plain(err))
	if n.peers.count() > 0 {
		n.cache.failed(ai.ID)
	}
}

// plain is the reason of a failed dial without the addresses in it.
func plain(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, swarm.ErrNoAddresses), errors.Is(err, swarm.ErrNoGoodAddresses):
		return "no usable address"
	case errors.Is(err, swarm.ErrGaterDisallowedConnection):
		return "blocked"
	default:
		return "unreachable"
	}
}

// Connect makes a connection to a peer, of any kind, unless there is one, within
// Limits.DialTimeout. It dials even a peer that libp2p would leave alone for a
// while after a failure: callers of Connect pace themselves.
func (n *Node) Connect(ctx context.Context, ai peer.AddrInfo) error {
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(ai.ID)
	}
	limit := n.cfg.Limits.DialTimeout
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx = network.WithDialPeerTimeout(network.WithAllowLimitedConn(ctx, "connect"), limit)
	return n.host.Connect(ctx, ai)
}
