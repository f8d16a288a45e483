package node

import (
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// addrHooks are those who want to know when our addresses change.
type addrHooks struct {
	mu    sync.Mutex
	next  int
	hooks map[int]func([]multiaddr.Multiaddr)
	told  []multiaddr.Multiaddr
}

// OnAddrs calls f, one call at a time, whenever the addresses others may dial
// have changed, until cancel is called or the node ends. f must not block.
func (n *Node) OnAddrs(f func([]multiaddr.Multiaddr)) (cancel func()) {
	a := &n.hooks
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hooks == nil {
		a.hooks = map[int]func([]multiaddr.Multiaddr){}
	}
	key := a.next
	a.next++
	a.hooks[key] = f
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.hooks, key)
	}
}

// tell calls the hooks if the addresses are others than last time.
func (a *addrHooks) tell(addrs []multiaddr.Multiaddr) (changed bool) {
	a.mu.Lock()
	if sameAddrs(a.told, addrs) {
		a.mu.Unlock()
		return false
	}
	a.told = slices.Clone(addrs)
	fs := make([]func([]multiaddr.Multiaddr), 0, len(a.hooks))
	for _, f := range a.hooks {
		fs = append(fs, f)
	}
	a.mu.Unlock() // a hook may cancel itself
	for _, f := range fs {
		f(slices.Clone(addrs))
	}
	return true
}

func sameAddrs(a, b []multiaddr.Multiaddr) bool {
	in := func(list []multiaddr.Multiaddr, x multiaddr.Multiaddr) bool {
		return slices.ContainsFunc(list, x.Equal)
	}
	for _, x := range a {
		if !in(b, x) {
			return false
		}
	}
	return len(a) == len(b)
}

// Addrs are the addresses others may dial, each with /p2p/<ID>.
func (n *Node) Addrs() []multiaddr.Multiaddr {
	addrs, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()})
	if err != nil {
		return nil // a host always has an ID
	}
	return addrs
}
