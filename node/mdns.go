package node

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"sync"

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
	texts, ips := n.announcement()
	stop, err := n.announce(ctx, found, texts, ips)
	if err != nil {
		n.log.Debug("no local discovery", "error", err)
		n.setMDNS(err.Error())
		waitFor(ctx, n.stirred, mdnsRetry)
		return
	}
	defer stop()
	defer cancel() // before stop, which waits
	n.setMDNS("on")
	for waitFor(ctx, n.stirred, 0) {
		if now, _ := n.announcement(); !slices.Equal(now, texts) {
			return
		}
	}
}

// announcement is what is to be said now; nothing without an interface.
func (n *Node) announcement() (texts, ips []string) {
	addrs, err := n.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil, nil
	}
	return announcement(n.host.ID(), addrs)
}

// announce starts to answer and to ask. It fails when no interface carries
// multicast, or no address of ours is one for neighbours.
func (n *Node) announce(ctx context.Context, found *neighbours, texts, ips []string) (stop func(), err error) {
	if len(ips) == 0 {
		return nil, errors.New("no address to announce")
	}
	ifaces, err := interfaces(n.cfg.MDNSInterfaces)
	if err != nil {
		return nil, err
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
		return nil, errors.New("no interface with multicast is up")
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
	slices.Sort(texts) // the system lists them in any order
	return texts[:min(len(texts), mdnsAddrs)], ips
}
