package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// Node is the host. Safe for concurrent use.
type Node struct {
	cfg   Config
	log   *slog.Logger
	host  host.Host
	count traffic
	cache *cache
	peers *peers
	live  live
	hooks addrHooks

	// moved and stirred are poked when our addresses change: one for the
	// bootstrap, one for the neighbours.
	moved, stirred chan struct{}
	reach          atomic.Int32
	mdnsState      atomic.Pointer[string]

	running atomic.Bool
	closing sync.Once
	closed  error
}

// New opens the sockets. The caller must then call Run, or Close.
func New(cfg Config) (*Node, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger.With("package", "node"),
		cache: newCache(cfg.CacheFile, cfg.Now),
		peers: newPeers(cfg.Limits.WantPeers),
		moved: make(chan struct{}, 1), stirred: make(chan struct{}, 1),
	}
	n.setMDNS("off")
	if err := n.cache.load(); err != nil {
		n.log.Warn("peer cache left aside", "error", err)
	}
	h, err := newHost(&n.cfg, settlePort(cfg.Listen, n.cache.port), &n.count, n.peers)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	n.host = h
	n.peers.attach(h.Network())
	n.keepPort(listenPort(h.Network().ListenAddresses()))
	return n, nil
}

// keepPort writes a new port down at once: a contact may learn it and the
// daemon be killed before the cache is written the usual way, and then neither
// could find the other again.
func (n *Node) keepPort(port int) {
	if !n.cache.setPort(port) {
		return
	}
	if err := n.cache.save(); err != nil {
		n.log.Warn("port not saved", "error", err)
	}
}

// listenPort is the port to ask for again next time.
func listenPort(addrs []multiaddr.Multiaddr) int {
	for _, a := range addrs {
		if port := portOf(a); port > 0 {
			return port
		}
	}
	return 0
}

// Run finds peers and keeps the host connected until ctx ends, then closes it.
// It returns when everything it and New started has ended.
func (n *Node) Run(ctx context.Context) error {
	if n.running.Swap(true) {
		return errors.New("node: run twice")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := n.subscribe()
	if err != nil {
		return errors.Join(err, n.Close())
	}
	var work sync.WaitGroup
	work.Go(func() { n.listen(ctx, events) })
	work.Go(func() { n.bootstrap(ctx) })
	work.Go(func() { n.keepCache(ctx) })
	if n.cfg.MDNS {
		work.Go(func() { n.neighbours(ctx) })
	}
	<-ctx.Done()
	work.Wait()
	return n.Close()
}

// Close ends the host; for a node that is not run. Idempotent.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.live.end() // first: handlers may wait for what the host would not end
		n.closed = n.host.Close()
		n.live.work.Wait()
		n.closed = errors.Join(n.closed, n.cache.save())
	})
	return n.closed
}

// Host is the libp2p host, for the packages that speak libp2p themselves.
func (n *Node) Host() host.Host { return n.host }

// ID is the peer ID of the host.
func (n *Node) ID() peer.ID { return n.host.ID() }

// Protect keeps the connections to a peer from being trimmed while any tag
// holds it.
func (n *Node) Protect(id peer.ID, tag string) { n.host.ConnManager().Protect(id, tag) }

// Unprotect takes a tag off and says whether another one still protects.
func (n *Node) Unprotect(id peer.ID, tag string) bool { return n.host.ConnManager().Unprotect(id, tag) }
