package mesh

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// link is the direct way to one device. One goroutine, run by direct, owns its
// attempts; everybody else only changes when the next one is due.
//
//	         due                stream open
//	waiting ─────► connecting ──────────────► connected
//	   ▲               │ failed                  │ ended
//	   └───────────────┴─────────────────────────┘
//
// Waiting ends at the time of the next try, or with a hurry: new items, a peer
// that came, new addresses of either side. A link whose peer closed the stream
// while nothing was to be sent waits for a hurry only.
type link struct {
	device identity.DeviceID
	queue  queue
	wake   chan struct{} // something in queue, for the session
	retime chan struct{} // next changed, for whoever waits
	watch  func(LinkState)

	telling  sync.Mutex // before mu
	toldUp   bool
	toldPath Path

	mu      sync.Mutex
	dest    Dest
	state   LinkState // without the counts of the queue
	next    time.Time // of the next attempt; zero: not by itself
	started time.Time // of the last attempt
	located time.Time // of the last look-up
	session *session  // while connected
	cancel  context.CancelFunc
}

func newLink(d Dest, lim Limits, watch func(LinkState)) *link {
	return &link{
		device: d.Device, dest: d, watch: watch,
		queue: queue{lim: lim}, next: time.Now(),
		wake: make(chan struct{}, 1), retime: make(chan struct{}, 1),
		state: LinkState{Device: d.Device, Since: time.Now(), Obstacle: ObstacleConnecting},
	}
}

// poke leaves one token, which is enough for whoever looks afterwards.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// push offers new items, to the stream when there is one. When there is none
// it brings the next attempt forward, at most once in gap.
func (l *link) push(items []Item, gap time.Duration) {
	l.queue.push(items)
	poke(l.wake)
	l.hurry(gap)
}

// hurry brings the next attempt forward, to gap after the last one at the
// earliest.
func (l *link) hurry(gap time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hurryLocked(gap)
}

func (l *link) hurryLocked(gap time.Duration) {
	if l.session != nil {
		return
	}
	due := l.started.Add(gap)
	if now := time.Now(); due.Before(now) {
		due = now // before the first attempt, started is zero, which would mean never
	}
	if l.next.IsZero() || due.Before(l.next) {
		l.next = due
		poke(l.retime)
	}
}

// renew forgets past failures, because an address has changed on either side.
func (l *link) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Attempts = 0
	l.located = time.Time{}
	l.hurryLocked(0)
}

// set takes a new destination and says whether it is news.
func (l *link) set(d Dest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dest.Peer == d.Peer && sameAddrs(l.dest.Addrs, d.Addrs) {
		return false
	}
	if l.dest.Peer != d.Peer && l.session != nil {
		l.session.leave(errMoved)
	}
	l.dest = d
	return true
}

func sameAddrs(a, b []multiaddr.Multiaddr) bool {
	return slices.EqualFunc(a, b, func(x, y multiaddr.Multiaddr) bool { return x.Equal(y) })
}

func (l *link) where() Dest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dest
}

// peerChanged hears that the peer of the link came, went, or got another path.
func (l *link) peerChanged(ev node.PeerEvent, gap time.Duration) {
	l.mu.Lock()
	l.peerChangedLocked(ev, gap)
	l.mu.Unlock()
	l.tell()
}

func (l *link) peerChangedLocked(ev node.PeerEvent, gap time.Duration) {
	s := l.session
	switch {
	case s == nil:
		if l.state.Attempts == 0 {
			gap = 0
		}
		l.hurryLocked(gap)
	case !ev.Connected:
	case s.relay && (ev.Path == node.PathDirect || ev.Path == node.PathHolePunched):
		s.leave(errMoved)
	case ev.Path == node.PathHolePunched:
		s.hole.Store(true)
		l.state.Path = s.path()
	}
}

// tell reports the link to the watcher when it is not as it was told last. The
// lock keeps the latest word the last.
func (l *link) tell() {
	l.telling.Lock()
	defer l.telling.Unlock()
	st := l.snapshot()
	if l.toldUp != st.Connected || l.toldPath != st.Path {
		l.toldUp, l.toldPath = st.Connected, st.Path
		l.watch(st)
	}
}

// wait blocks until the next attempt is due; false when ctx ended.
func (l *link) wait(ctx context.Context) bool {
	for {
		d, timed := l.due()
		if timed && d <= 0 {
			return ctx.Err() == nil
		}
		if !l.sleep(ctx, d, timed) {
			return false
		}
	}
}

func (l *link) due() (d time.Duration, timed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.next), !l.next.IsZero()
}

func (l *link) sleep(ctx context.Context, d time.Duration, timed bool) bool {
	var after <-chan time.Time
	if timed {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-l.retime:
	case <-after:
	}
	return true
}

// begin marks an attempt. What hurries from here on causes another one.
func (l *link) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = time.Now()
	l.next = time.Time{}
	l.state.NextTry = time.Time{}
	if l.state.Attempts == 0 {
		l.state.Obstacle = ObstacleConnecting
	}
}

// mayLocate says whether a look-up is due, and counts it as made.
func (l *link) mayLocate(gap time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.located.IsZero() || now.Sub(l.located) >= gap {
		l.located = now
		return true
	}
	return false
}

// connected notes the open stream.
func (l *link) connected(s *session) {
	l.mu.Lock()
	l.session = s
	l.state.Connected, l.state.Path, l.state.Since = true, s.path(), time.Now()
	l.state.Obstacle, l.state.NextTry, l.next = ObstacleNone, time.Time{}, time.Time{}
	l.mu.Unlock()
	l.tell()
}

// moved notes that envelopes move.
func (l *link) moved() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Attempts, l.state.LastError = 0, ""
}

// disconnected notes that the stream is gone.
func (l *link) disconnected() {
	l.mu.Lock()
	l.session = nil
	l.state.Connected, l.state.Path, l.state.Since = false, PathNone, time.Now()
	l.mu.Unlock()
	l.tell()
}

// failed notes why an attempt or a stream ended and plans the next one.
func (l *link) failed(o Obstacle, err error, plan func(attempts int) time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Attempts++
	l.state.Obstacle, l.state.LastError = o, err.Error()
	due := time.Now().Add(plan(l.state.Attempts))
	if l.next.IsZero() || due.Before(l.next) {
		l.next = due
	}
	l.state.NextTry = l.next
}

// rest waits for a hurry, because nothing is to be sent.
func (l *link) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Attempts, l.state.Obstacle = 0, ObstacleNone
}

func (l *link) snapshot() LinkState {
	l.mu.Lock()
	st := l.state
	l.mu.Unlock()
	st.InFlight, st.Queued = l.queue.size()
	return st
}

func (l *link) is(p peer.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dest.Peer == p
}
