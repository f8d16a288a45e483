package node

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Handle serves protocol p with h until the node ends. When h returns the
// stream is closed, so that what was written still arrives; when h panics, or
// the node ends, it is reset. A handler that wants a reset calls it. The
// context ends with the node, and at l.Deadline when that is set.
func (n *Node) Handle(p protocol.ID, l StreamLimits, h func(ctx context.Context, s network.Stream)) {
	g := newGate(l)
	n.host.SetStreamHandler(p, func(s network.Stream) { n.serve(g, s, h) })
}

// Unhandle stops serving protocol p. Streams that are open go on.
func (n *Node) Unhandle(p protocol.ID) { n.host.RemoveStreamHandler(p) }

// serve is one incoming stream's whole life.
func (n *Node) serve(g *gate, s network.Stream, h func(context.Context, network.Stream)) {
	ctx, end := n.live.begin(g.limits.Deadline)
	if ctx == nil {
		_ = s.ResetWithError(network.StreamShutdown)
		return
	}
	defer end()
	from := s.Conn().RemotePeer()
	if no := g.enter(from, s.Conn().Stat().Limited, time.Now()); no != admitted {
		n.refused(s, no)
		return
	}
	defer g.leave(from)
	if err := s.Scope().ReserveMemory(g.limits.FrameMax, network.ReservationPriorityMedium); err != nil {
		_ = s.ResetWithError(network.StreamResourceLimitExceeded)
		return
	}
	defer s.Scope().ReleaseMemory(g.limits.FrameMax)
	n.handle(ctx, s, h)
}

// handle calls the handler and takes care of the stream's end.
func (n *Node) handle(ctx context.Context, s network.Stream, h func(context.Context, network.Stream)) {
	// A read that waits for ever must not keep the node from ending, nor a
	// handler that sets deadlines of its own outlast the stream's.
	stop := context.AfterFunc(ctx, func() { _ = s.ResetWithError(network.StreamShutdown) })
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			_ = s.Reset()
			n.log.Error("handler panicked", "protocol", s.Protocol(), "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
		}
	}()
	h(ctx, s)
	_ = s.Close()
}

// refused resets a stream with the reason, so that the other side can tell
// busy from broken.
func (n *Node) refused(s network.Stream, why refusal) {
	code := network.StreamResourceLimitExceeded
	switch why {
	case tooFast:
		code = network.StreamRateLimited
	case notDirect:
		code = network.StreamGated
	}
	_ = s.ResetWithError(code)
	n.log.Debug("stream refused", "peer", short(s.Conn().RemotePeer()), "protocol", s.Protocol(), "why", string(why))
}

// OpenOptions say how a stream may be opened. The zero value dials if need be,
// for at most Limits.DialTimeout, and refuses limited connections.
type OpenOptions struct {
	// Limited allows a limited (relayed, metered) connection.
	Limited bool
	// NoDial uses only a connection that exists.
	NoDial bool
	// Timeout bounds dialling and opening; zero is Limits.DialTimeout.
	Timeout time.Duration
}

// Open opens a stream of protocol p to a peer, dialling the addresses known of
// it when there is no connection (and libp2p has not just failed to). It returns
// before the peer has agreed to the protocol; that it does not speak it shows at
// the first read.
func (n *Node) Open(ctx context.Context, id peer.ID, p protocol.ID, o OpenOptions) (network.Stream, error) {
	limit := o.Timeout
	if limit <= 0 {
		limit = n.cfg.Limits.DialTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx = network.WithDialPeerTimeout(ctx, limit)
	if o.Limited {
		ctx = network.WithAllowLimitedConn(ctx, string(p))
	}
	if o.NoDial {
		ctx = network.WithNoDial(ctx, string(p))
	}
	s, err := n.host.NewStream(ctx, id, p)
	if err != nil {
		return nil, fmt.Errorf("node: open %s to %s: %w", p, short(id), err)
	}
	return s, nil
}

// short is enough of a peer ID to follow it through a log, and no more.
func short(id peer.ID) string {
	s := id.String()
	return "…" + s[max(0, len(s)-6):]
}
