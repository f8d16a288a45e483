package node

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	"github.com/multiformats/go-multiaddr"
)

// neighbours are the peers that announced themselves. Announcements are hearsay
// until the connection is made, so what they make us do is bounded: a table of
// mdnsPeers, one dial of each within mdnsAgain.
type neighbours struct {
	node *Node
	log  *slog.Logger
	work sync.WaitGroup
	seat chan struct{} // dials that may run at once

	mu   sync.Mutex
	last map[peer.ID]time.Time
}

func newNeighbours(n *Node) *neighbours {
	return &neighbours{
		node: n, log: n.log,
		seat: make(chan struct{}, n.cfg.Limits.DialParallel),
		last: map[peer.ID]time.Time{},
	}
}

func (b *neighbours) wait() { b.work.Wait() }

// listen takes entries until ctx ends or asking has failed.
func (b *neighbours) listen(ctx context.Context, entries <-chan *zeroconf.ServiceEntry, done <-chan struct{}) {
	for {
		select {
		case e, ok := <-entries:
			if !ok {
				return
			}
			b.heard(ctx, e.Text)
		case <-done:
			return
		}
	}
}

// heard goes through one announcement.
func (b *neighbours) heard(ctx context.Context, texts []string) {
	id, addrs := parseAnnouncement(texts)
	if id == "" || id == b.node.ID() || len(addrs) == 0 || !b.due(id) {
		return
	}
	b.work.Go(func() { b.meet(ctx, peer.AddrInfo{ID: id, Addrs: addrs}) })
}

// due says whether the peer may be dialled, and notes it.
func (b *neighbours) due(id peer.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.last[id]) < mdnsAgain {
		return false
	}
	if len(b.last) >= mdnsPeers {
		for k, t := range b.last {
			if now.Sub(t) >= mdnsAgain {
				delete(b.last, k)
			}
		}
		if len(b.last) >= mdnsPeers {
			return false
		}
	}
	b.last[id] = now
	return true
}

// meet connects. Both sides hear of each other at once; the lower peer ID
// dials, the other one waits for that before it dials too.
func (b *neighbours) meet(ctx context.Context, ai peer.AddrInfo) {
	if b.node.ID() > ai.ID && !waitFor(ctx, nil, mdnsYield) {
		return
	}
	select {
	case b.seat <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-b.seat }()
	if b.node.peers.state(ai.ID).Path == PathDirect {
		return
	}
	if err := b.node.Connect(ctx, ai); err != nil && ctx.Err() == nil {
		b.log.Debug("neighbour not reached", "peer", short(ai.ID), "error", plain(err))
	}
}

// parseAnnouncement reads the TXT records of one peer.
func parseAnnouncement(texts []string) (id peer.ID, addrs []multiaddr.Multiaddr) {
	for _, text := range texts[:min(len(texts), mdnsAddrs)] {
		value, ok := strings.CutPrefix(text, mdnsAddrKey)
		if !ok || len(value) > 2*cacheAddrLen {
			continue
		}
		ai, err := peer.AddrInfoFromString(value)
		if err != nil || len(ai.Addrs) == 0 || (id != "" && ai.ID != id) {
			continue
		}
		if id = ai.ID; isNear(ai.Addrs[0]) {
			addrs = append(addrs, ai.Addrs[0])
		}
	}
	return id, addrs
}
