package dht

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/p2pmsgd/p2pmsgd/identity"
	"github.com/p2pmsgd/p2pmsgd/node"
)

// DHT is the directory of one node: a server of other people's records, a
// publisher of its owner's, and a reader. It is safe for concurrent use.
type DHT struct {
	cfg      Config
	net      reach
	self     peer.ID
	wan, lan *kademlia
	caller   *caller
	shelves  *shelves
	server   *server
	slow     *slowHashes
	pub      *publisher

	mu     sync.Mutex
	newest map[[32]byte]uint64                 // sequence numbers read, see memoryKey
	pins   map[identity.AccountID]identity.Pin // never lowered
	closed bool
}

// New joins both Kademlia networks with the host of n and serves the directory
// protocol. Nothing is published before Run. The caller must then call Run, or
// Close.
func New(cfg Config, n *node.Node) (*DHT, error) { return open(cfg, n) }

func open(cfg Config, n reach) (*DHT, error) {
	cfg.fill()
	d := &DHT{
		cfg: cfg, net: n, self: n.Host().ID(),
		caller: &caller{n, cfg.Limits},
		slow:   newSlowHashes(cfg.Limits.NameMemory, cfg.Limits.NamePasses),
		newest: map[[32]byte]uint64{}, pins: map[identity.AccountID]identity.Pin{},
	}
	d.shelves = newShelves(cfg.Limits, keyspace(string(d.self)))
	d.server = newServer(cfg.Limits, cfg.Now, d.shelves)
	d.pub = newPublisher(d)
	var err error
	if d.wan, err = openWAN(&d.cfg, n); err != nil {
		return nil, err
	}
	if d.lan, err = openLAN(&d.cfg, n); err != nil {
		return nil, errors.Join(err, d.wan.Close())
	}
	n.Handle(Protocol, streamLimits(&d.cfg.Limits), func(ctx context.Context, s network.Stream) { d.server.serve(ctx, s) })
	return d, nil
}

// streamLimits are what the host enforces before a request is even read.
func streamLimits(l *Limits) node.StreamLimits {
	return node.StreamLimits{
		Concurrent: 256, PerPeer: 8, FrameMax: maxFrame, Deadline: 2 * l.RPC,
		Rate: float64(l.GetPerMinute+l.PutPerMinute) / 30, Burst: l.GetBurst + l.PutBurst,
	}
}

// Run keeps what was handed to Publish published, drops what has expired, and
// returns when all that it and New started has ended.
func (d *DHT) Run(ctx context.Context) error {
	err := d.pub.run(ctx)
	return errors.Join(err, d.Close())
}

// Close leaves both networks; for a DHT that is not run. Idempotent.
func (d *DHT) Close() error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	if err := errors.Join(d.wan.Close(), d.lan.Close()); err != nil {
		return fmt.Errorf("dht: close: %w", err)
	}
	return nil
}

func (d *DHT) networks() []*kademlia { return []*kademlia{d.wan, d.lan} }

// known is how many peers both tables hold.
func (d *DHT) known() int { return d.wan.RoutingTable().Size() + d.lan.RoutingTable().Size() }

// neighbours are connected peers that keep a directory, nearest to index
// first. In a small network they are everybody; in a large one only the
// nearest few are worth asking before the walk has found better ones.
func (d *DHT) neighbours(index [32]byte) (near []peer.ID, small bool) {
	h := d.net.Host()
	for _, p := range h.Network().Peers() {
		if d.isServer(p) {
			near = append(near, p)
		}
	}
	slices.SortFunc(near, func(a, b peer.ID) int {
		da, db := distance(keyspace(string(a)), index), distance(keyspace(string(b)), index)
		return slices.Compare(da[:], db[:])
	})
	small = d.known() <= bucketSize
	most := d.cfg.Limits.Holders
	if !small {
		most = 4
	}
	return near[:min(len(near), most)], small
}

// isServer tells whether a peer said that it keeps a directory.
func (d *DHT) isServer(p peer.ID) bool {
	got, err := d.net.Host().Peerstore().SupportsProtocols(p, Protocol)
	return err == nil && len(got) > 0
}

// regionKeys are further keys around an index in one network, none when it is
// small.
func (d *DHT) regionKeys(k *kademlia, index [32]byte, n int) []string {
	size := k.peers()
	if n == 0 || size < d.cfg.Limits.RegionFrom {
		return nil
	}
	keys, err := regionKeys(d.cfg.Rand, index, prefixBits(size), n)
	if err != nil {
		d.cfg.Logger.Error("no random keys", "err", err)
	}
	return keys
}

// FindPeer looks for the addresses of a peer in both networks.
func (d *DHT) FindPeer(ctx context.Context, p peer.ID) (peer.AddrInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Limits.Search)
	defer cancel()
	found := make(chan peer.AddrInfo, 2)
	for _, k := range d.networks() {
		go func() {
			ai, err := k.FindPeer(ctx, p)
			if err != nil {
				ai = peer.AddrInfo{}
			}
			found <- ai
		}()
	}
	out, missing := peer.AddrInfo{}, 2
	for ; missing > 0 && len(out.Addrs) == 0; missing-- {
		out = <-found
	}
	cancel()
	for ; missing > 0; missing-- {
		<-found
	}
	if len(out.Addrs) == 0 {
		return peer.AddrInfo{}, fmt.Errorf("%w: peer", ErrNotFound)
	}
	return out, nil
}

// Status is a snapshot for people.
type Status struct {
	WAN, LAN NetworkStatus
	Records  int // held for others and for the owner
	Bytes    int
}

// NetworkStatus describes one Kademlia network.
type NetworkStatus struct {
	Mode string // "server" or "client"
	Size int    // peers in the routing table
}

// Status returns a snapshot.
func (d *DHT) Status() Status {
	n, size := d.shelves.size()
	return Status{WAN: d.wan.status(), LAN: d.lan.status(), Records: n, Bytes: size}
}

func (k *kademlia) status() NetworkStatus {
	s := NetworkStatus{Mode: "client", Size: k.RoutingTable().Size()}
	if k.serving() {
		s.Mode = "server"
	}
	return s
}
