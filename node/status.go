package node

import (
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multiaddr"
)

// Status is what the host can say of itself.
type Status struct {
	// Peers is how many peers are connected, Known how many the cache holds.
	Peers, Known int
	// Addrs are the addresses others may dial.
	Addrs []multiaddr.Multiaddr
	// Reachability is "public", "private" or "unknown", as AutoNAT has it.
	Reachability string
	// Relays are the peer IDs of the relays that hold a place for us.
	Relays []string
	// MDNS is "on", "off", or what keeps it from working.
	MDNS string
	// In and Out count the bytes of all streams since the start.
	In, Out uint64
}

// Status reports the state of the host.
func (n *Node) Status() Status {
	s := Status{
		Peers:        n.peers.count(),
		Known:        n.cache.size(),
		Addrs:        n.Addrs(),
		Reachability: reachability(network.Reachability(n.reach.Load())),
		MDNS:         *n.mdnsState.Load(),
		In:           uint64(n.count.in.Load()),
		Out:          uint64(n.count.out.Load()),
	}
	s.Relays = relaysOf(s.Addrs)
	return s
}

func reachability(r network.Reachability) string {
	switch r {
	case network.ReachabilityPublic:
		return "public"
	case network.ReachabilityPrivate:
		return "private"
	default:
		return "unknown"
	}
}

// relaysOf are the relays among our own addresses: …/p2p/RELAY/p2p-circuit/….
func relaysOf(addrs []multiaddr.Multiaddr) []string {
	var out []string
	seen := map[string]bool{}
	for _, a := range addrs {
		if !isRelayed(a) {
			continue
		}
		relay, err := a.ValueForProtocol(multiaddr.P_P2P) // the first one
		if err == nil && !seen[relay] {
			seen[relay] = true
			out = append(out, relay)
		}
	}
	return out
}
