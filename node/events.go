package node

import (
	"context"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Path is how a connection runs.
type Path string

// The ways a connection may run.
const (
	PathNone        Path = ""            // not connected
	PathDirect      Path = "direct"      // dialled or accepted without help
	PathHolePunched Path = "holepunched" // direct, made with a relay's help
	PathRelayed     Path = "relayed"     // through a relay
)

// PeerEvent says that a peer came, went, or is reached by another path.
type PeerEvent struct {
	Peer      peer.ID
	Connected bool
	// Path is the best one there is; PathNone when not connected.
	Path Path
	// Limited is true while only metered connections exist.
	Limited bool
}

// Watch reports peers: first one event for each that is connected, then one
// for each change. A slow reader misses intermediate states of a peer, never
// its latest. The channel is closed when ctx or the node ends.
func (n *Node) Watch(ctx context.Context) <-chan PeerEvent {
	out := make(chan PeerEvent)
	life, done := n.live.begin(0)
	if life == nil {
		close(out)
		return out
	}
	w := n.peers.watch()
	go func() {
		defer done()
		defer close(out)
		defer n.peers.unwatch(w)
		w.pump(ctx.Done(), life.Done(), out)
	}()
	return out
}

// Path is how a peer is reached now.
func (n *Node) Path(id peer.ID) Path { return n.peers.state(id).Path }

// watcher is one reader of peer events. What waits for it is a set of peers to
// look at, not a list of events, so it never holds more than the peers that it
// was told of and those that are connected. The lock of peers guards it.
type watcher struct {
	peers *peers
	poke  chan struct{}
	dirty map[peer.ID]bool
	told  map[peer.ID]PeerEvent
}

func (p *peers) watch() *watcher {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &watcher{peers: p, poke: make(chan struct{}, 1), dirty: map[peer.ID]bool{}, told: map[peer.ID]PeerEvent{}}
	for _, e := range p.now {
		w.changedLocked(e)
	}
	p.watchers[w] = true
	return w
}

func (p *peers) unwatch(w *watcher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watchers, w)
}

// changedLocked never blocks.
func (w *watcher) changedLocked(e PeerEvent) {
	if told := w.told[e.Peer]; told == e || (!e.Connected && !told.Connected) {
		delete(w.dirty, e.Peer) // back to what the reader knows
		return
	}
	w.dirty[e.Peer] = true
	poke(w.poke)
}

// next takes a peer that changed, in the latest state there is.
func (w *watcher) next() (PeerEvent, bool) {
	w.peers.mu.Lock()
	defer w.peers.mu.Unlock()
	for id := range w.dirty {
		delete(w.dirty, id)
		e, ok := w.peers.now[id]
		if !ok {
			delete(w.told, id)
			return PeerEvent{Peer: id}, true
		}
		w.told[id] = e
		return e, true
	}
	return PeerEvent{}, false
}

// pump sends what changed until one of the two ends.
func (w *watcher) pump(end1, end2 <-chan struct{}, out chan<- PeerEvent) {
	for {
		e, ok := w.next()
		if !ok {
			select {
			case <-w.poke:
				continue
			case <-end1:
				return
			case <-end2:
				return
			}
		}
		select {
		case out <- e:
		case <-end1:
			return
		case <-end2:
			return
		}
	}
}
