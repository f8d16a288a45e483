package mesh

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"

	"github.com/p2pmsgd/p2pmsgd/node"
)

// opener opens streams: the node, or in tests a node on a bad line.
type opener interface {
	Open(ctx context.Context, id peer.ID, p protocol.ID, o node.OpenOptions) (network.Stream, error)
}

// connect opens a stream to where the device was last, or else to where it is
// found.
func (d *direct) connect(ctx context.Context, l *link) (network.Stream, error) {
	dest := l.where()
	s, err := d.open(ctx, dest)
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	found, lerr := d.locate(ctx, l)
	if lerr != nil || found.Peer == dest.Peer && sameAddrs(found.Addrs, dest.Addrs) {
		return nil, err
	}
	d.move(l, found)
	return d.open(ctx, found)
}

// locate looks the device up, when that was not done just now.
func (d *direct) locate(ctx context.Context, l *link) (Dest, error) {
	d.mu.Lock()
	loc := d.locator
	d.mu.Unlock()
	if loc == nil || !l.mayLocate(d.lim.LocateGap) {
		return Dest{}, ErrNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, d.lim.LocateTimeout)
	defer cancel()
	found, err := loc.Locate(ctx, l.device)
	if err != nil {
		return Dest{}, err
	}
	found.Device, found.Addrs = l.device, bare(found.Addrs, found.Peer)
	return found, nil
}

// open opens a stream, with few others dialling at the same time.
func (d *direct) open(ctx context.Context, dest Dest) (network.Stream, error) {
	select {
	case d.dials <- struct{}{}:
		defer func() { <-d.dials }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if len(dest.Addrs) > 0 {
		d.node.Host().Peerstore().AddAddrs(dest.Peer, dest.Addrs, peerstore.TempAddrTTL)
	}
	return d.opener.Open(ctx, dest.Peer, ProtocolDM, node.OpenOptions{Limited: true})
}

// obstacle says what kind of failure err is.
func obstacle(err error) Obstacle {
	var other multistream.ErrNotSupported[protocol.ID]
	switch {
	case errors.As(err, &other):
		return ObstacleProtocol
	case errors.Is(err, errBusy):
		return ObstacleBusy
	case errors.Is(err, errSilent):
		return ObstacleSilent
	case errors.Is(err, errOutbox):
		return ObstacleOutbox
	case errors.Is(err, ErrNoAddress), errors.Is(err, swarm.ErrNoAddresses), errors.Is(err, network.ErrNoRemoteAddrs):
		return ObstacleNoAddress
	case errors.Is(err, errClosed):
		return ObstacleClosed
	}
	return ObstacleUnreachable
}

// bare strips the peer from the end of addresses.
func bare(addrs []multiaddr.Multiaddr, id peer.ID) []multiaddr.Multiaddr {
	var out []multiaddr.Multiaddr
	for _, a := range addrs {
		if a == nil {
			continue
		}
		if t, p := peer.SplitAddr(a); p == id {
			a = t
		}
		if len(a) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// short is a peer ID for logs.
func short(id peer.ID) string {
	s := id.String()
	return s[max(0, len(s)-6):]
}
