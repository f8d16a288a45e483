package mesh

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// moveGap keeps a link from changing streams all the time while libp2p makes
// up its mind about the best connection.
const moveGap = 100 * time.Millisecond

// direct is the Carrier that delivers over ProtocolDM: a link for each device.
type direct struct {
	lim    Limits
	node   *node.Node
	opener opener
	log    *slog.Logger
	dials  chan struct{} // a token for each dial that is going on
	budget *budget

	changed chan struct{} // links has one that is not started

	mu      sync.Mutex
	locator Locator
	links   map[identity.DeviceID]*link
	fresh   []*link // not started
	watcher LinkWatcher
}

func newDirect(lim Limits, n *node.Node, o opener, log *slog.Logger, b *budget) *direct {
	return &direct{
		lim: lim, node: n, opener: o, log: log, budget: b,
		dials:   make(chan struct{}, max(1, lim.Dials)),
		changed: make(chan struct{}, 1),
		links:   make(map[identity.DeviceID]*link),
	}
}

// attach names who is asked where devices are, and, if it cares, told of them.
func (d *direct) attach(u Upper, l Locator) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locator = l
	d.watcher, _ = u.(LinkWatcher)
}

// Run keeps the links until ctx ends.
func (d *direct) Run(ctx context.Context, up Upper) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	defer d.node.OnAddrs(func([]multiaddr.Multiaddr) { d.each((*link).renew) })()
	running.Go(func() { d.follow(ctx) })
	for {
		for _, l := range d.unstarted() {
			lctx, end := context.WithCancel(ctx)
			if !d.own(l, end) {
				end()
				continue
			}
			running.Go(func() { defer end(); d.keep(lctx, l, up) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}

// unstarted takes the links that wait for their goroutine.
func (d *direct) unstarted() []*link {
	d.mu.Lock()
	defer d.mu.Unlock()
	fresh := d.fresh
	d.fresh = nil
	return fresh
}

// own gives the link the function that ends it; false when it was forgotten.
func (d *direct) own(l *link, end context.CancelFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.cancel = end
	return d.links[l.device] == l
}

// follow brings attempts forward when peers come.
func (d *direct) follow(ctx context.Context) {
	for ev := range d.node.Watch(ctx) {
		d.each(func(l *link) {
			if l.is(ev.Peer) {
				l.peerChanged(ev, d.lim.PeerGap)
			}
		})
	}
}

func (d *direct) each(f func(*link)) {
	d.mu.Lock()
	all := make([]*link, 0, len(d.links))
	for _, l := range d.links {
		all = append(all, l)
	}
	d.mu.Unlock()
	for _, l := range all {
		f(l)
	}
}

func (d *direct) link(device identity.DeviceID) *link {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.links[device]
}

// knows says whether there is a link to a device of the peer.
func (d *direct) knows(p peer.ID) bool {
	known := false
	d.each(func(l *link) { known = known || l.is(p) })
	return known
}

// set keeps a link to the device from now on.
func (d *direct) set(dest Dest) {
	dest.Addrs = bare(dest.Addrs, dest.Peer)
	d.mu.Lock()
	l := d.links[dest.Device]
	if l == nil {
		l = newLink(dest, d.lim, d.tell)
		d.links[dest.Device] = l
		d.fresh = append(d.fresh, l)
		poke(d.changed)
	}
	d.mu.Unlock()
	d.move(l, dest)
	d.node.Protect(dest.Peer, tag(dest.Device))
}

// move gives the link a new destination and tries it at once.
func (d *direct) move(l *link, to Dest) {
	from := l.where()
	if !l.set(to) {
		return
	}
	if from.Peer != to.Peer {
		d.node.Unprotect(from.Peer, tag(l.device))
		d.node.Protect(to.Peer, tag(l.device))
	}
	l.renew()
}

// forget ends the link.
func (d *direct) forget(device identity.DeviceID) {
	d.mu.Lock()
	l := d.links[device]
	delete(d.links, device)
	if l != nil && l.cancel != nil {
		l.cancel()
	}
	d.mu.Unlock()
	if l != nil {
		d.node.Unprotect(l.where().Peer, tag(device))
	}
}

func tag(device identity.DeviceID) string { return "mesh-" + device.String() }

// Push hands new items to the link of the device, if there is one.
func (d *direct) Push(device identity.DeviceID, items ...Item) {
	if l := d.link(device); l != nil {
		l.push(items, d.lim.PushGap)
	}
}

// State says how the link to the device stands.
func (d *direct) State(device identity.DeviceID) LinkState {
	if l := d.link(device); l != nil {
		return l.snapshot()
	}
	return LinkState{Device: device, Obstacle: ObstacleUnknown}
}

func (d *direct) tell(s LinkState) {
	d.mu.Lock()
	w := d.watcher
	d.mu.Unlock()
	if w != nil {
		w.LinkChanged(s)
	}
}

// keep is a link's whole life.
func (d *direct) keep(ctx context.Context, l *link, up Upper) {
	for l.wait(ctx) {
		l.begin()
		s, err := d.connect(ctx, l)
		if err == nil {
			err = d.talk(ctx, l, up, s)
		} else if ctx.Err() == nil {
			d.plan(l, up, err)
		}
		if ctx.Err() == nil {
			d.log.Debug("link ended", "peer", short(l.where().Peer), "why", err)
		}
	}
}

// talk runs a stream until it ends and decides what follows.
func (d *direct) talk(ctx context.Context, l *link, up Upper, s network.Stream) error {
	ses := newSession(l, up, d.lim, s)
	l.connected(ses)
	// The peer may have got another path while the stream was being opened.
	p := s.Conn().RemotePeer()
	l.peerChanged(node.PeerEvent{Peer: p, Connected: true, Path: d.node.Path(p)}, 0)
	err := ses.run(ctx, d.budget)
	l.disconnected()
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errMoved): // for something better
		l.hurry(moveGap)
	case ses.answers.Load() > 0 && !errors.Is(err, errBusy):
		l.hurry(0)
	case errors.Is(err, errClosed) && !pending(up, l.device):
		l.rest() // its owner saves a stream
	default:
		d.plan(l, up, err)
	}
	return err
}

// plan notes a failure and when to try again: seldom when nobody waits for it.
func (d *direct) plan(l *link, up Upper, err error) {
	most := d.lim.BackoffIdle
	if pending(up, l.device) {
		most = d.lim.BackoffMax
	}
	l.failed(obstacle(err), err, func(attempts int) time.Duration {
		return backoff(attempts, d.lim.BackoffMin, most)
	})
}

func pending(up Upper, device identity.DeviceID) bool {
	items, err := up.Pending(device, 0, 1)
	return err != nil || len(items) > 0
}
