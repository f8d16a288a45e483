package node

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/multiformats/go-multiaddr"
)

// peers is who is connected and by which path, as libp2p reports it. It is the
// one owner of that knowledge; watchers read it at their own pace.
type peers struct {
	net network.Network
	low chan struct{} // poked when fewer than want are left
	// want is how many are enough.
	want int

	mu       sync.Mutex
	now      map[peer.ID]PeerEvent
	punched  map[peer.ID]bool // whose direct connection was punched
	watchers map[*watcher]bool
}

func newPeers(want int) *peers {
	return &peers{
		low:      make(chan struct{}, 1),
		want:     want,
		now:      map[peer.ID]PeerEvent{},
		punched:  map[peer.ID]bool{},
		watchers: map[*watcher]bool{},
	}
}

// attach begins to listen, and looks at who came before it could.
func (p *peers) attach(nw network.Network) {
	p.mu.Lock()
	p.net = nw
	p.mu.Unlock()
	nw.Notify(p)
	for _, id := range nw.Peers() {
		p.update(id)
	}
}

var (
	_ network.Notifiee      = (*peers)(nil)
	_ holepunch.EventTracer = (*peers)(nil)
)

func (p *peers) Listen(network.Network, multiaddr.Multiaddr)      {}
func (p *peers) ListenClose(network.Network, multiaddr.Multiaddr) {}

func (p *peers) Connected(_ network.Network, c network.Conn)    { p.update(c.RemotePeer()) }
func (p *peers) Disconnected(_ network.Network, c network.Conn) { p.update(c.RemotePeer()) }

// Trace hears of hole punching, since a punched connection looks like any other.
func (p *peers) Trace(e *holepunch.Event) {
	end, ok := e.Evt.(*holepunch.EndHolePunchEvt)
	if !ok || !end.Success {
		return
	}
	p.mu.Lock()
	p.punched[e.Remote] = true
	p.mu.Unlock()
	p.update(e.Remote)
}

// update looks at a peer's connections. The look happens under the lock: of two
// updates at once, the later one must see the later state.
func (p *peers) update(id peer.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.net == nil {
		return
	}
	is := p.lookLocked(id)
	if was := p.now[id]; was == is || (!was.Connected && !is.Connected) {
		return
	}
	if is.Connected {
		p.now[id] = is
	} else {
		delete(p.now, id)
	}
	for w := range p.watchers {
		w.changedLocked(is)
	}
	if !is.Connected && len(p.now) < p.want {
		poke(p.low)
	}
}

// lookLocked finds the best of a peer's connections.
func (p *peers) lookLocked(id peer.ID) PeerEvent {
	e := PeerEvent{Peer: id, Limited: true}
	for _, c := range p.net.ConnsToPeer(id) {
		if c.IsClosed() {
			continue
		}
		e.Connected = true
		e.Limited = e.Limited && c.Stat().Limited
		if !isRelayed(c.RemoteMultiaddr()) {
			e.Path = PathDirect
		} else if e.Path == PathNone {
			e.Path = PathRelayed
		}
	}
	switch {
	case !e.Connected:
		delete(p.punched, id)
		return PeerEvent{Peer: id}
	case e.Path == PathDirect && p.punched[id]:
		e.Path = PathHolePunched
	}
	return e
}

// isRelayed tells by the address: a relay without limits does not mark its
// connections as limited.
func isRelayed(a multiaddr.Multiaddr) bool {
	_, err := a.ValueForProtocol(multiaddr.P_CIRCUIT)
	return err == nil
}

func (p *peers) state(id peer.ID) PeerEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.now[id]; ok {
		return e
	}
	return PeerEvent{Peer: id}
}

func (p *peers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.now)
}

// poke leaves a note that something happened; one note is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
