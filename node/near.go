package node

import (
	"net"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// isNear says whether an address may belong to a neighbour: it is private, or in
// a network that an interface of ours is in. Anybody on the local network can
// announce anything; without this, one could make all the others dial a victim
// far away.
func isNear(a multiaddr.Multiaddr) bool {
	if isRelayed(a) {
		return false
	}
	ip, err := manet.ToIP(a)
	if err != nil {
		return false // a DNS name could lead anywhere
	}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || onLink(ip)
}

func onLink(ip net.IP) bool {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, n := range nets {
		if n, ok := n.(*net.IPNet); ok && n.Contains(ip) {
			return true
		}
	}
	return false
}
