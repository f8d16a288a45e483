package dht

import (
	"cmp"
	"slices"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// bestAddrs picks what a route record has room for: public addresses first,
// then relayed and private ones, loopback only when there is nothing else.
func bestAddrs(as []multiaddr.Multiaddr) []multiaddr.Multiaddr {
	as = nearby(as)
	out := slices.DeleteFunc(slices.Clone(as), func(a multiaddr.Multiaddr) bool { return len(a.Bytes()) > maxAddrSize })
	slices.SortFunc(out, func(a, b multiaddr.Multiaddr) int {
		return cmp.Or(cmp.Compare(addrRank(a), addrRank(b)), slices.Compare(a.Bytes(), b.Bytes()))
	})
	return out[:min(len(out), maxAddrs)]
}

func addrRank(a multiaddr.Multiaddr) int {
	_, err := a.ValueForProtocol(multiaddr.P_CIRCUIT)
	switch relayed := err == nil; {
	case manet.IsPublicAddr(a) && !relayed:
		return 0
	case relayed:
		return 1
	default:
		return 2
	}
}
