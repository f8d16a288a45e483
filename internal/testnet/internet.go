package testnet

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/marcopolo/simnet"
)

// Link is what lies between two hosts, in each direction.
type Link struct {
	Delay     time.Duration // one way
	Loss      float64       // share of packets that never arrive, 0 to 1
	Duplicate float64       // share of packets that arrive twice, 0 to 1
	Cut       bool          // nothing arrives
}

// internet carries packets between the addresses of a world. Safe for
// concurrent use.
type internet struct {
	mu     sync.Mutex
	random *rand.Rand
	hosts  map[netip.AddrPort]*simnet.SimConn
	links  map[[2]netip.Addr]Link
	usual  Link
}

func newInternet(seed uint64, usual Link) *internet {
	return &internet{
		random: rand.New(rand.NewPCG(seed, 0)),
		hosts:  map[netip.AddrPort]*simnet.SimConn{},
		links:  map[[2]netip.Addr]Link{},
		usual:  usual,
	}
}

// listen opens a simulated UDP socket.
func (n *internet) listen(addr *net.UDPAddr) *simnet.SimConn {
	c := simnet.NewSimConn(addr)
	c.SetUpPacketReceiver(n)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[addrPort(addr)] = c
	return c
}

// between orders two addresses, since a link is the same from both ends.
func between(a, b netip.Addr) [2]netip.Addr {
	if b.Less(a) {
		a, b = b, a
	}
	return [2]netip.Addr{a, b}
}

func (n *internet) set(a, b netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[between(a, b)] = l
}

func (n *internet) get(a, b netip.Addr) Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.linkLocked(a, b)
}

func (n *internet) linkLocked(a, b netip.Addr) Link {
	if l, ok := n.links[between(a, b)]; ok {
		return l
	}
	return n.usual
}

// RecvPacket takes a packet that a host sent and brings it to its receiver as
// the link between the two allows.
func (n *internet) RecvPacket(p *simnet.Packet) {
	from, to := addrPort(p.From), addrPort(p.To)
	dst, link, copies := n.route(from, to)
	for range copies {
		time.AfterFunc(link.Delay, func() { dst.RecvPacket(p) })
	}
}

// route says who gets a packet, over what link, and how often.
func (n *internet) route(from, to netip.AddrPort) (*simnet.SimConn, Link, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	link := n.linkLocked(from.Addr(), to.Addr())
	dst := n.hosts[to]
	switch {
	case dst == nil, link.Cut, n.random.Float64() < link.Loss:
		return nil, link, 0
	case n.random.Float64() < link.Duplicate:
		return dst, link, 2
	}
	return dst, link, 1
}

func addrPort(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok {
		ap := u.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
