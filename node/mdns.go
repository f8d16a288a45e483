package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	"github.com/multiformats/go-multiaddr"
)

// mdnsPort stands in the SRV record, which asks for one; the addresses are in
// the TXT records.
const mdnsPort = 4001

func (n *Node) setMDNS(s string) { n.mdnsState.Store(&s) }

// neighbours announces the node on the local network and dials those it hears
// of, until ctx ends. What is announced is fixed when announcing begins, so it
// begins anew when our addresses change, and is tried again while there is no
// interface to announce on. spec/network.md#local-discovery
func (n *Node) neighbours(ctx context.Context) {
	found := newNeighbours(n)
	defer found.wait()
	for ctx.Err() == nil {
		n.announced(ctx, found)
	}
	n.setMDNS("off")
}

// announced is one stretch of announcing and listening.
func (n *Node) announced(ctx context.Context, found *neighbours) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := n.announce(ctx, found)
	if err != nil {
		n.log.Debug("no local discovery", "error", err)
		n.setMDNS(err.Error())
		waitFor(ctx, n.stirred, mdnsRetry)
		return
	}
	defer stop()
	defer cancel() // before stop, which waits
	n.setMDNS("on")
	waitFor(ctx, n.stirred, 0)
}

// announce starts to answer and to ask. It fails when no interface carries
// multicast, or no address of ours is one for neighbours.
func (n *Node) announce(ctx context.Context, found *neighbours) (stop func(), err error) {
	ifaces, err := interfaces(n.cfg.MDNSInterfaces)
	if err != nil {
		return nil, err
	}
	addrs, err := n.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil, err
	}
	texts, ips := announcement(n.host.ID(), addrs)
	if len(ips) == 0 {
		return nil, fmt.Errorf("no address to announce")
	}
	name := instance()
	server, err := zeroconf.RegisterProxy(name, mdnsService, mdnsDomain, mdnsPort, name, ips, texts, ifaces)
	if err != nil {
		return nil, err
	}
	asked := n.ask(ctx, ifaces, found)
	return func() { server.Shutdown(); asked() }, nil
}

// ask looks for others until ctx ends; the function returned waits for that. On
// a machine with one IP version, asking over both fails as a whole.
func (n *Node) ask(ctx context.Context, ifaces []net.Interface, found *neighbours) (wait func()) {
	var work sync.WaitGroup
	for _, version := range []zeroconf.IPType{zeroconf.IPv4, zeroconf.IPv6} {
		entries := make(chan *zeroconf.ServiceEntry, 16)
		done := make(chan struct{})
		work.Go(func() {
			defer close(done)
			err := zeroconf.Browse(ctx, mdnsService, mdnsDomain, entries,
				zeroconf.SelectIPTraffic(version), zeroconf.SelectIfaces(ifaces))
			if err != nil {
				n.log.Debug("local discovery", "error", err)
			}
		})
		work.Go(func() { found.listen(ctx, entries, done) })
	}
	return work.Wait
}

// instance is a fresh name, since the announcement need not tell more than its
// addresses.
func instance() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// interfaces are those to use: up, and named or able to multicast.
func interfaces(names []string) ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	use := slices.DeleteFunc(all, func(i net.Interface) bool {
		if len(names) > 0 && !slices.Contains(names, i.Name) {
			return true
		}
		return i.Flags&net.FlagUp == 0 || (len(names) == 0 && i.Flags&net.FlagMulticast == 0)
	})
	if len(use) == 0 {
		return nil, fmt.Errorf("no interface with multicast is up")
	}
	return use, nil
}

// announcement is the TXT records, a dnsaddr each, and one IP of each version,
// which routers want to see.
func announcement(id peer.ID, addrs []multiaddr.Multiaddr) (texts, ips []string) {
	seen := map[int]bool{}
	for _, a := range addrs {
		if isRelayed(a) || len(a) == 0 {
			continue
		}
		first := a[0]
		code := first.Protocol().Code
		if code != multiaddr.P_IP4 && code != multiaddr.P_IP6 {
			continue
		}
		texts = append(texts, mdnsAddrKey+a.String()+"/p2p/"+id.String())
		if !seen[code] {
			seen[code] = true
			ips = append(ips, first.Value())
		}
	}
	return texts[:min(len(texts), mdnsAddrs)], ips
}

// neighbours are the peers that announced themselves. Announcements are hearsay
// until the connection is made, so what they make us do is bounded: a table of
// mdnsPeers, one dial of each within mdnsAgain.
type neighbours struct {
	node *Node
	log  *slog.Logger
	work sync.WaitGroup
	seat chan struct{} // dials that may run at once

	mu   sync.Mutex
	last map[peer.ID]time.Time
}

func newNeighbours(n *Node) *neighbours {
	return &neighbours{
		node: n, log: n.log,
		seat: make(chan struct{}, n.cfg.Limits.DialParallel),
		last: map[peer.ID]time.Time{},
	}
}

func (b *neighbours) wait() { b.work.Wait() }

// listen takes entries until ctx ends or asking has failed.
func (b *neighbours) listen(ctx context.Context, entries <-chan *zeroconf.ServiceEntry, done <-chan struct{}) {
	for {
		select {
		case e, ok := <-entries:
			if !ok {
				return
			}
			b.heard(ctx, e.Text)
		case <-done:
			return
		}
	}
}

// heard goes through one announcement.
func (b *neighbours) heard(ctx context.Context, texts []string) {
	id, addrs := parseAnnouncement(texts)
	if id == "" || id == b.node.ID() || len(addrs) == 0 || !b.due(id) {
		return
	}
	b.work.Go(func() { b.meet(ctx, peer.AddrInfo{ID: id, Addrs: addrs}) })
}

// due says whether the peer may be dialled, and notes it.
func (b *neighbours) due(id peer.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.last[id]) < mdnsAgain {
		return false
	}
	if len(b.last) >= mdnsPeers {
		for k, t := range b.last {
			if now.Sub(t) >= mdnsAgain {
				delete(b.last, k)
			}
		}
		if len(b.last) >= mdnsPeers {
			return false
		}
	}
	b.last[id] = now
	return true
}

// meet connects. Both sides hear of each other at once; the lower peer ID
// dials, the other one waits for that before it dials too.
func (b *neighbours) meet(ctx context.Context, ai peer.AddrInfo) {
	if b.node.ID() > ai.ID && !waitFor(ctx, nil, mdnsYield) {
		return
	}
	select {
	case b.seat <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() { <-b.seat }()
	if b.node.peers.state(ai.ID).Path == PathDirect {
		return
	}
	if err := b.node.Connect(ctx, ai); err != nil && ctx.Err() == nil {
		b.log.Debug("neighbour not reached", "peer", short(ai.ID), "error", plain(err))
	}
}

// parseAnnouncement reads the TXT records of one peer.
func parseAnnouncement(texts []string) (id peer.ID, addrs []multiaddr.Multiaddr) {
	for _, text := range texts[:min(len(texts), mdnsAddrs)] {
		value, ok := strings.CutPrefix(text, mdnsAddrKey)
		if !ok || len(value) > 2*cacheAddrLen {
			continue
		}
		ai, err := peer.AddrInfoFromString(value)
		if err != nil || len(ai.Addrs) == 0 || (id != "" && ai.ID != id) {
			continue
		}
		if id = ai.ID; isNear(ai.Addrs[0]) {
			addrs = append(addrs, ai.Addrs[0])
		}
	}
	return id, addrs
}
