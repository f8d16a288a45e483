package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/multiformats/go-multiaddr"
)

// eventRoom is how many of libp2p's events may wait; its bus blocks the host
// when there are more.
const eventRoom = 256

func (n *Node) subscribe() (event.Subscription, error) {
	sub, err := n.host.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted),
		new(event.EvtLocalAddressesUpdated),
		new(event.EvtLocalReachabilityChanged),
	}, eventbus.BufSize(eventRoom), eventbus.Name("p2pmsgd node"))
	if err != nil {
		return nil, fmt.Errorf("node: subscribe: %w", err)
	}
	return sub, nil
}

// listen takes libp2p's events until ctx ends. Addresses change in bursts, so
// what depends on them waits until they rest.
func (n *Node) listen(ctx context.Context, sub event.Subscription) {
	defer sub.Close()
	settled := time.NewTimer(addrSettle)
	defer settled.Stop()
	for {
		select {
		case e, ok := <-sub.Out():
			if !ok {
				return
			}
			if _, moved := e.(event.EvtLocalAddressesUpdated); moved {
				settled.Reset(addrSettle)
			}
			n.heard(e)
		case <-settled.C:
			n.addrsSettled()
		case <-ctx.Done():
			return
		}
	}
}

func (n *Node) heard(e any) {
	switch e := e.(type) {
	case event.EvtPeerIdentificationCompleted:
		if speaksOurs(e.Protocols) {
			n.cache.connected(e.Peer, e.ListenAddrs, dialledAt(e.Conn))
		}
	case event.EvtLocalReachabilityChanged:
		n.reach.Store(int32(e.Reachability))
	}
}

// speaksOurs keeps programs that happen to speak libp2p out of the cache.
func speaksOurs(ps []protocol.ID) bool {
	for _, p := range ps {
		if strings.HasPrefix(string(p), protocolPrefix) {
			return true
		}
	}
	return false
}

// dialledAt is the address at which we reached the other side, nil when it came
// to us or through a relay.
func dialledAt(c network.Conn) multiaddr.Multiaddr {
	if c.Stat().Direction != network.DirOutbound || isRelayed(c.RemoteMultiaddr()) {
		return nil
	}
	return c.RemoteMultiaddr()
}

func (n *Node) addrsSettled() {
	if n.hooks.tell(n.Addrs()) {
		poke(n.moved)
		poke(n.stirred)
	}
}

// keepCache writes the cache once it has rested for a while after a change;
// Close writes it at the end.
func (n *Node) keepCache(ctx context.Context) {
	for waitFor(ctx, n.cache.changed, 0) {
		t := time.NewTimer(cacheSettle)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		if err := n.cache.save(); err != nil {
			n.log.Warn("peer cache not saved", "error", err)
		}
	}
}
