package dht

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync/atomic"
	"time"

	kad "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p-kbucket/peerdiversity"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/routing"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	bucketSize    = 20               // k of Kademlia
	refreshPeriod = 10 * time.Minute // of the routing table
)

// kademlia is one of the two networks. Only routing is used of the library:
// it stores neither values nor providers.
type kademlia struct {
	*kad.IpfsDHT
	protocol protocol.ID
}

func openKademlia(prefix protocol.ID, cfg *Config, n reach, more ...kad.Option) (*kademlia, error) {
	k := &kademlia{protocol: prefix + "/kad/1.0.0"}
	send := &kadSender{caller{n, cfg.Limits}, k.protocol}
	finds := newBuckets(cfg.Limits.FindPerSecond*60, cfg.Limits.FindBurst)
	opts := append([]kad.Option{
		kad.ProtocolPrefix(prefix),
		kad.DisableValues(),
		kad.DisableProviders(),
		kad.BucketSize(bucketSize),
		kad.RoutingTableRefreshPeriod(refreshPeriod),
		kad.BootstrapPeersFunc(cfg.Bootstrap),
		kad.WithCustomMessageSender(func(host.Host, []protocol.ID) pb.MessageSenderWithDisconnect { return send }),
		kad.OnRequestHook(func(_ context.Context, s network.Stream, _ *pb.Message) {
			if !finds.take(string(s.Conn().RemotePeer()), time.Now()) {
				_ = s.Reset()
			}
		}),
	}, more...)
	var err error
	if k.IpfsDHT, err = kad.New(n.Host(), opts...); err != nil {
		return nil, fmt.Errorf("dht: %s: %w", prefix, err)
	}
	return k, nil
}

// openWAN joins the network of those who can be reached from anywhere.
func openWAN(cfg *Config, n reach) (*kademlia, error) {
	mode := kad.ModeAuto
	if cfg.Public {
		mode = kad.ModeServer
	}
	return openKademlia(wanPrefix, cfg, n,
		kad.Mode(mode),
		kad.QueryFilter(kad.PublicQueryFilter),
		kad.RoutingTableFilter(kad.PublicRoutingTableFilter),
		kad.RoutingTablePeerDiversityFilter(newDiversity(n.Host())),
		kad.AddressFilter(func(as []multiaddr.Multiaddr) []multiaddr.Multiaddr {
			return multiaddr.FilterAddrs(as, manet.IsPublicAddr)
		}),
	)
}

// openLAN joins the network of those nearby, with or without internet. Everybody
// serves it, or two computers on one switch would find nobody.
func openLAN(cfg *Config, n reach) (*kademlia, error) {
	return openKademlia(lanPrefix, cfg, n,
		kad.Mode(kad.ModeServer),
		kad.QueryFilter(kad.PrivateQueryFilter),
		kad.RoutingTableFilter(kad.PrivateRoutingTableFilter),
		kad.AddressFilter(nearby),
	)
}

// nearby leaves loopback addresses out, unless there is nothing else: then all
// peers are programs on one computer.
func nearby(as []multiaddr.Multiaddr) []multiaddr.Multiaddr {
	out := multiaddr.FilterAddrs(as, func(a multiaddr.Multiaddr) bool { return !manet.IsIPLoopback(a) })
	if len(out) == 0 {
		return as
	}
	return out
}

// serving tells whether others may ask this node.
func (k *kademlia) serving() bool {
	return slices.Contains(k.Host().Mux().Protocols(), k.protocol)
}

// peers estimates how many peers the network has. Crowding around one key must
// not move it, so it looks at many keys or, before that, at the own table.
func (k *kademlia) peers() int {
	if n, err := k.NetworkSize(); err == nil {
		return int(n)
	}
	rt := k.RoutingTable()
	for cpl := uint(0); cpl < 24; cpl++ {
		if n := rt.NPeersForCpl(cpl); n < bucketSize {
			return max(rt.Size(), n<<(cpl+1))
		}
	}
	return rt.Size()
}

// walk looks for the peers closest to a key and names each the moment it has
// answered. It returns the closest of them; with an error those found so far.
func (k *kademlia) walk(ctx context.Context, key string, seen func(peer.ID)) ([]peer.ID, error) {
	if k.RoutingTable().Size() == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	ctx, events := routing.RegisterForQueryEvents(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events {
			if e.Type == routing.PeerResponse {
				seen(e.ID)
			}
		}
	}()
	closest, err := k.GetClosestPeers(ctx, key)
	cancel()
	<-done
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return closest, err
}

// diversity keeps one hoster from filling the table of a large network, and
// lets a small one live at one hoster.
type diversity struct {
	tight, loose peerdiversity.PeerIPGroupFilter
	count        atomic.Int64 // peers in the table
}

const looseUntil = 60 // peers in the table; some hundred in the network

func newDiversity(h host.Host) *diversity {
	return &diversity{tight: kad.NewRTPeerDiversityFilter(h, 2, 3), loose: kad.NewRTPeerDiversityFilter(h, 20, 40)}
}

// Allow is asked before a peer enters the table.
func (d *diversity) Allow(g peerdiversity.PeerGroupInfo) bool {
	if d.count.Load() < looseUntil {
		return d.loose.Allow(g)
	}
	return d.tight.Allow(g)
}

// Increment counts a peer that entered.
func (d *diversity) Increment(g peerdiversity.PeerGroupInfo) {
	d.count.Add(1)
	d.tight.Increment(g)
	d.loose.Increment(g)
}

// Decrement counts a peer that left.
func (d *diversity) Decrement(g peerdiversity.PeerGroupInfo) {
	d.count.Add(-1)
	d.tight.Decrement(g)
	d.loose.Decrement(g)
}

// PeerAddresses are those a peer is judged by.
func (d *diversity) PeerAddresses(p peer.ID) []multiaddr.Multiaddr { return d.tight.PeerAddresses(p) }

// prefixBits is how many leading bits of an index its region shares, in a
// network of n peers: about twenty of them live there.
func prefixBits(n int) int {
	if n < bucketSize {
		return 0
	}
	return min(bits.Len(uint(n/bucketSize))-1, 20)
}
